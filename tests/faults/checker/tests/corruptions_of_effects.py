"""Keys, timers, what waits, who sees what, the end, parts and people (I7 to I14)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from libs.events.cases_work import InternalNoteAdded
from services.cases.tests.builders import OTHER
from services.rma.tests.builders import HEAD_OFFICE, LAN
from tests.faults.checker.tests.corruptions import breaks, changes_of, last_versions, later, listed, rows_of
from tests.faults.checker.tests.small_run import PASSWORD
from tests.faults.evidence import CHANGES, Evidence, Row
from tests.faults.history import QUIET

# --- I7 and I8: keys and timers -------------------------------------------------------------------------------------------


@breaks("I7")
def a_replay_has_another_body(evidence: Evidence) -> None:
    again, other = (
        [e for e in evidence.history.exchanges if e.request["key"] == f"open {n}"][1].response for n in (0, 1)
    )
    assert again is not None
    assert other is not None
    again.update(body=other["body"], body_sha256=other["body_sha256"])


@breaks("I7")
def one_key_had_two_effects(evidence: Evidence) -> None:
    row = next(
        row for row in rows_of(evidence, "cases", "outbox") if row["type"].startswith("polyplus.cases.case-routed")
    )
    row["xid"] = "999999999"


@breaks("I7")
def a_command_is_refused_when_it_is_repeated(evidence: Evidence) -> None:
    repeated = [e for e in evidence.history.exchanges if e.request["key"] == "open 1"][1]
    assert repeated.response is not None
    repeated.response["status"] = 422


def _fired(evidence: Evidence) -> Row:
    outbox = {str(row["xid"]) for row in rows_of(evidence, "rma", "outbox")}
    return next(
        row for row in changes_of(evidence, "rma", "timers") if row["new"] is None and "RETURNING" in row["query"] and row["xid"] in outbox
    )  # fmt: skip


@breaks("I8")
def a_timer_fired_twice(evidence: Evidence) -> None:
    later(evidence, "rma", _fired(evidence))


@breaks("I8")
def a_timer_fired_early(evidence: Evidence) -> None:
    fired = _fired(evidence)
    due = datetime.fromisoformat(fired["old"]["due_at"]) + timedelta(hours=1)
    fired["old"]["due_at"] = due.isoformat()


@breaks("I8")
def a_timer_fired_after_it_was_cancelled(evidence: Evidence) -> None:
    cancelled = next(
        row for row in changes_of(evidence, "rma", "timers") if row["new"] is None and "RETURNING" not in row["query"]
    )
    later(evidence, "rma", cancelled, query=_fired(evidence)["query"])


@breaks("I8")
def a_timer_fired_without_being_taken(evidence: Evidence) -> None:
    fired = _fired(evidence)
    tables = evidence.databases["rma"].tables
    tables[CHANGES] = [row for row in tables[CHANGES] if row["tbl"] != "timers" or row["xid"] != fired["xid"]]
    tables["timers"] += [
        {**fired["old"], "generation": 10_000, "due_at": "2100-01-01T00:00:00+00:00"}  # it is still to come
    ]


# --- I9 and I10: what waits, and who sees what -----------------------------------------------------------------------------


@breaks("I9")
def a_dead_letters_key_flows(evidence: Evidence) -> None:
    rows_of(evidence, "rma", "parked_keys").clear()


@breaks("I9")
def a_dead_letter_lost_its_data(evidence: Evidence) -> None:
    rows_of(evidence, "rma", "dead_letters")[0]["data"] = "\\x7b7d"


@breaks("I9")
def a_dead_letter_was_not_told(evidence: Evidence) -> None:
    tables = evidence.databases["rma"].tables
    tables["outbox"] = [row for row in tables["outbox"] if row["topic"] != "rma.dlq"]
    evidence.topics["rma.dlq"].clear()


@breaks("I9")
def a_parked_key_was_overtaken(evidence: Evidence) -> None:
    tables = evidence.databases["rma"].tables
    waiting = next(row for row in tables["dead_letters"] if row["status"] == "waiting")
    tables["dead_letters"].remove(waiting)
    claimed = {"consumer": "rma", "event_id": waiting["event_id"]}
    tables["inbox"].append(claimed)
    move = next(
        row for row in changes_of(evidence, "rma", "consumer_offsets")
        if (row["new"]["topic"], row["new"]["partition"]) == (waiting["topic"], waiting["partition"])
        and row["new"]["next"] > waiting["record_offset"]
    )  # fmt: skip
    later(evidence, "rma", move, tbl="inbox", old=None, new=claimed)


@breaks("I9")
def events_of_a_key_were_handled_in_another_order(evidence: Evidence) -> None:
    last = last_versions(evidence, "rma.events")[0].delivery
    earlier = next(r.delivery for r in evidence.topics["rma.events"] if r.delivery.key == last.key)
    one, other = (
        next(row for row in changes_of(evidence, "activity", "inbox") if row["new"]["event_id"] == str(id))
        for id in (earlier.event_id, last.event_id)
    )
    one["n"], other["n"] = other["n"], one["n"]


@breaks("I10")
def a_response_shows_another_account(evidence: Evidence) -> None:
    response = listed(evidence)
    page = json.loads(response["body"])
    page["items"][0]["account_id"] = str(OTHER)
    response["body"] = json.dumps(page)


@breaks("I10")
def a_response_names_a_case_of_another_account(evidence: Evidence) -> None:
    response = listed(evidence)
    theirs = next(row["id"] for row in rows_of(evidence, "cases", "cases") if row["account_id"] == str(OTHER))
    response["body"] = json.dumps({"items": [{"title": "duplicate of", "of": theirs}]})


@breaks("I10")
def a_frame_of_another_account_was_heard(evidence: Evidence) -> None:
    frame = evidence.history.of_kind("frame")[0]
    frame["data"] = json.dumps({**json.loads(frame["data"]), "accountid": str(OTHER)})


@breaks("I10")
def a_tenant_heard_what_is_internal(evidence: Evidence) -> None:
    frame = evidence.history.of_kind("frame")[0]
    frame["data"] = json.dumps({**json.loads(frame["data"]), "type": InternalNoteAdded.contract.ce_type})


# --- I12 to I14: the end, parts, people ---------------------------------------------------------------------------------------


@breaks("I12")
def a_record_was_never_consumed(evidence: Evidence) -> None:
    evidence.ends["cases.events"][0] += 1


@breaks("I12")
def it_never_became_quiet(evidence: Evidence) -> None:
    evidence.history.lines = [line for line in evidence.history.lines if line.get("name") != QUIET]


@breaks("I12")
def it_took_too_long(evidence: Evidence) -> None:
    for line in evidence.history.of_kind("mark"):
        line["tick"] += 3600 * (line["name"] == QUIET)


@breaks("I12")
def a_timer_is_overdue(evidence: Evidence) -> None:
    rows_of(evidence, "rma", "timers").append({**_fired(evidence)["old"], "generation": 10_000})


@breaks("I12")
def a_call_was_never_made(evidence: Evidence) -> None:
    job = {"id": str(OTHER), "kind": "buy_label", "reference": "never", "due_at": "2020-01-01T00:00:00+00:00"}
    rows_of(evidence, "rma", "jobs").append(job)


@breaks("I13")
def a_part_was_promised_twice(evidence: Evidence) -> None:
    changed = changes_of(evidence, "rma", "stock")[-1]["new"]
    changed["reserved"] = changed["on_hand"] + 1


@breaks("I13")
def stock_was_seen_negative(evidence: Evidence) -> None:
    line = next(line for line in evidence.history.of_kind("sample") if line.get("stock"))
    line["stock"] = {id: [-1, 0, 0] for id in line["stock"]}


@breaks("I13")
def a_reservation_left_no_trace(evidence: Evidence) -> None:
    movements = rows_of(evidence, "rma", "stock_movements")
    movements.remove(next(row for row in movements if row["kind"] == "release"))


@breaks("I13")
def one_part_was_sent_to_two(evidence: Evidence) -> None:
    rmas = rows_of(evidence, "rma", "rmas")
    sent = next(row for row in rmas if row["shipped_serial"])
    other = next(row for row in rmas if row["state"] == "cancelled")
    other.update(state="closed", shipped_serial=sent["shipped_serial"], part_number=sent["part_number"])


@breaks("I14")
def two_bookings_overlap(evidence: Evidence) -> None:
    one, other = rows_of(evidence, "onsite", "bookings")
    other.update(leaves_at=one["leaves_at"])


@breaks("I14")
def two_bookings_overlapped_for_a_while(evidence: Evidence) -> None:
    first, second, *_ = changes_of(evidence, "onsite", "bookings")
    second["new"]["leaves_at"] = first["new"]["starts"]


@breaks("I14")
def a_technician_worked_at_two_sites_at_once(evidence: Evidence) -> None:
    rows = rows_of(evidence, "onsite", "appointments")
    done = next(row for row in rows if row["state"] == "completed")
    rows.append({**done, "id": str(OTHER), "work_order_id": str(OTHER)})


# --- I18: who somebody is ------------------------------------------------------------------------------------------------


@breaks("I18")
def a_history_says_who_it_was(evidence: Evidence) -> None:
    [address] = HEAD_OFFICE.address_lines
    rows_of(evidence, "rma", "rmas")[0]["history"][0]["reason"] = f"left at {address}"


@breaks("I18")
def a_movement_repeats_what_was_taken_out(evidence: Evidence) -> None:
    rows_of(evidence, "rma", "stock_movements")[0]["reason"] = f"the case was cancelled: They gave us {PASSWORD}"


@breaks("I18")
def a_dead_letter_says_who_it_was(evidence: Evidence) -> None:
    rows_of(evidence, "rma", "dead_letters")[0]["error"] = f"called {LAN.phone}"
