"""Evidence made false, one way at a time: each is what one invariant is there to find, and only that one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.cases.tests.builders import OTHER
from tests.faults.evidence import CHANGES, Evidence, Record, Row
from tests.faults.history import QUIET

Corruption = Callable[[Evidence], None]
CORRUPTIONS: list[tuple[str, Corruption]] = []


def breaks(invariant: str) -> Callable[[Corruption], Corruption]:
    def register(corruption: Corruption) -> Corruption:
        CORRUPTIONS.append((invariant, corruption))
        return corruption

    return register


# --- what is edited ------------------------------------------------------------------------------------------------------


def _rows(evidence: Evidence, service: str, table: str) -> list[Row]:
    return evidence.databases[service].tables[table]


def _changes(evidence: Evidence, service: str, table: str) -> list[Row]:
    return sorted((row for row in _rows(evidence, service, CHANGES) if row["tbl"] == table), key=lambda row: row["n"])


def _later(evidence: Evidence, service: str, like: Row, **changed: Any) -> None:
    """Adds a change after all others."""
    n = max(row["n"] for row in _rows(evidence, service, CHANGES)) + 1
    _rows(evidence, service, CHANGES).append({**like, "n": n, **changed})


def _last_versions(evidence: Evidence, topic: str) -> list[Record]:
    """The newest record of each aggregate, of those that have several and whose key is not parked."""
    parked = {row["key"] for row in _rows(evidence, "rma", "parked_keys")}
    found: dict[object, list[Record]] = defaultdict(list)
    for record in evidence.topics[topic]:
        if record.delivery.type and str(record.delivery.key) not in parked:
            found[record.delivery.subject].append(record)
    return [records[-1] for records in found.values() if len(records) > 1]


def _listed(evidence: Evidence) -> Row:
    """The customer's list of cases, as it was answered."""
    found = [e for e in evidence.history.exchanges if (e.request["method"], e.request["path"]) == ("GET", "/v1/cases")]
    assert found[0].response is not None
    return found[0].response


# --- I1 to I4: from the command to the log ------------------------------------------------------------------------------


@breaks("I1")
def an_answer_was_sent_before_its_commit(evidence: Evidence) -> None:
    _rows(evidence, "rma", "idempotency_keys").clear()


@breaks("I1")
def a_row_was_kept_without_its_last_event(evidence: Evidence) -> None:
    _rows(evidence, "cases", "cases")[0]["version"] += 1


@breaks("I1")
def an_event_was_kept_without_its_row(evidence: Evidence) -> None:
    max(_rows(evidence, "rma", "rmas"), key=lambda row: row["version"])["version"] -= 1


@breaks("I2")
def a_committed_event_was_never_sent(evidence: Evidence) -> None:
    evidence.topics["rma.events"].remove(_last_versions(evidence, "rma.events")[0])


@breaks("I2")
def an_event_lost_a_byte_on_its_way(evidence: Evidence) -> None:
    records = evidence.topics["cases.events"]
    record = _last_versions(evidence, "cases.events")[0]
    records[records.index(record)] = replace(record, value=(record.value or b"") + b" ")


@breaks("I3")
def an_event_was_sent_before_its_commit_failed(evidence: Evidence) -> None:
    record = evidence.topics["rma.events"][0]
    evidence.topics["rma.dlq"].append(replace(record, topic="rma.dlq", offset=10_000))


@breaks("I3")
def a_record_is_no_event(evidence: Evidence) -> None:
    evidence.topics["cases.events"].append(Record("cases.events", 0, 10_000, b"?", (), b"?"))


@breaks("I4")
def a_later_version_went_to_another_partition(evidence: Evidence) -> None:
    records = evidence.topics["cases.events"]
    record = _last_versions(evidence, "cases.events")[0]
    records.remove(record)
    records.append(replace(record, partition=record.partition + 10, offset=10_000))


@breaks("I4")
def an_event_was_appended_again_under_a_new_version(evidence: Evidence) -> None:
    """Told by a row of a key that nobody else has, so that only the order of the versions is wrong."""
    outbox, records = _rows(evidence, "entitlements", "outbox"), evidence.topics["entitlements.events"]
    rows = [row for row in outbox if row["subject"] == outbox[0]["subject"]]
    at = next(i for i, record in enumerate(records) if str(record.delivery.event_id) == rows[0]["event_id"])
    headers = tuple((n, b"2" if n == "ce_aggregateversion" else v) for n, v in records[at].headers)
    records[at] = replace(records[at], headers=headers)
    outbox.append({**rows[0], "id": 10_000, "event_id": str(OTHER)})
    rows[0]["version"] = 2
    outbox[-1]["topic"] = "entitlements.registrations"  # version 1 is somewhere, but not on this topic
    record = Record(
        "entitlements.registrations", 0, 0, records[at].key,
        tuple((n, str(OTHER).encode() if n == "ce_id" else b"1" if n == "ce_aggregateversion" else v) for n, v in headers),
        records[at].value,
    )  # fmt: skip
    evidence.topics["entitlements.registrations"] = [record]
    for row in _rows(evidence, "entitlements", "case_files"):
        row["version"] = 2 if row["id"] == rows[0]["subject"] else row["version"]


# --- I5 and I6: from the log to the effects ------------------------------------------------------------------------------


@breaks("I5")
def an_event_was_handled_twice(evidence: Evidence) -> None:
    caused = [row for row in _rows(evidence, "rma", "outbox") if row["causation_id"] and row["topic"] == "rma.events"]
    caused[0]["xid"] = "999999999"


@breaks("I5")
def an_event_was_passed_over(evidence: Evidence) -> None:
    id = str(_last_versions(evidence, "rma.events")[0].delivery.event_id)
    tables = evidence.databases["activity"].tables
    tables["inbox"] = [row for row in tables["inbox"] if row["event_id"] != id]
    tables[CHANGES] = [row for row in tables[CHANGES] if (row["new"] or {}).get("event_id") != id]
    tables["activity_events"] = [row for row in tables["activity_events"] if row["event_id"] != id]


@breaks("I5")
def an_event_is_twice_in_the_stream(evidence: Evidence) -> None:
    rows = _rows(evidence, "activity", "activity_events")
    rows.append({**rows[0], "seq": 10_000})


@breaks("I5")
def a_handler_was_given_an_event_twice(evidence: Evidence) -> None:
    rows = _rows(evidence, "witness", "sightings")
    rows.append({**rows[0], "id": str(OTHER)})


@breaks("I5")
def an_event_was_claimed_and_given_to_no_handler(evidence: Evidence) -> None:
    _rows(evidence, "witness", "sightings").pop()


@breaks("I5")
def one_diagnosis_got_two_parts(evidence: Evidence) -> None:
    one, other, *_ = _rows(evidence, "rma", "rmas")
    one["cause_id"] = other["cause_id"]


@breaks("I6")
def an_offset_went_back(evidence: Evidence) -> None:
    last = _changes(evidence, "rma", "consumer_offsets")[-1]
    _later(evidence, "rma", last, old=last["new"], new={**last["new"], "next": last["new"]["next"] - 1})


@breaks("I6")
def an_offset_moved_before_its_event_was_handled(evidence: Evidence) -> None:
    id = str(_last_versions(evidence, "rma.events")[0].delivery.event_id)
    claim = next(row for row in _changes(evidence, "activity", "inbox") if row["new"]["event_id"] == id)
    _rows(evidence, "activity", CHANGES).remove(claim)
    _later(evidence, "activity", claim, xid="999999999")


@breaks("I6")
def a_database_forgot_an_offset_in_a_crash(evidence: Evidence) -> None:
    line = next(
        line for line in evidence.history.of_kind("sample") if line["service"] == "activity" and line["offsets"]
    )
    line["offsets"] = {name: next + 1000 for name, next in line["offsets"].items()}


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
        row for row in _rows(evidence, "cases", "outbox") if row["type"].startswith("polyplus.cases.case-routed")
    )
    row["xid"] = "999999999"


@breaks("I7")
def a_command_is_refused_when_it_is_repeated(evidence: Evidence) -> None:
    repeated = [e for e in evidence.history.exchanges if e.request["key"] == "open 1"][1]
    assert repeated.response is not None
    repeated.response["status"] = 422


def _fired(evidence: Evidence) -> Row:
    outbox = {str(row["xid"]) for row in _rows(evidence, "rma", "outbox")}
    return next(
        row for row in _changes(evidence, "rma", "timers") if row["new"] is None and "RETURNING" in row["query"] and row["xid"] in outbox
    )  # fmt: skip


@breaks("I8")
def a_timer_fired_twice(evidence: Evidence) -> None:
    _later(evidence, "rma", _fired(evidence))


@breaks("I8")
def a_timer_fired_early(evidence: Evidence) -> None:
    fired = _fired(evidence)
    due = datetime.fromisoformat(fired["old"]["due_at"]) + timedelta(hours=1)
    fired["old"]["due_at"] = due.isoformat()


@breaks("I8")
def a_timer_fired_after_it_was_cancelled(evidence: Evidence) -> None:
    cancelled = next(
        row for row in _changes(evidence, "rma", "timers") if row["new"] is None and "RETURNING" not in row["query"]
    )
    _later(evidence, "rma", cancelled, query=_fired(evidence)["query"])


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
    _rows(evidence, "rma", "parked_keys").clear()


@breaks("I9")
def a_dead_letter_lost_its_data(evidence: Evidence) -> None:
    _rows(evidence, "rma", "dead_letters")[0]["data"] = "\\x7b7d"


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
        row for row in _changes(evidence, "rma", "consumer_offsets")
        if (row["new"]["topic"], row["new"]["partition"]) == (waiting["topic"], waiting["partition"])
        and row["new"]["next"] > waiting["record_offset"]
    )  # fmt: skip
    _later(evidence, "rma", move, tbl="inbox", old=None, new=claimed)


@breaks("I9")
def events_of_a_key_were_handled_in_another_order(evidence: Evidence) -> None:
    last = _last_versions(evidence, "rma.events")[0].delivery
    earlier = next(r.delivery for r in evidence.topics["rma.events"] if r.delivery.key == last.key)
    one, other = (
        next(row for row in _changes(evidence, "activity", "inbox") if row["new"]["event_id"] == str(id))
        for id in (earlier.event_id, last.event_id)
    )
    one["n"], other["n"] = other["n"], one["n"]


@breaks("I10")
def a_response_shows_another_account(evidence: Evidence) -> None:
    response = _listed(evidence)
    page = json.loads(response["body"])
    page["items"][0]["account_id"] = str(OTHER)
    response["body"] = json.dumps(page)


@breaks("I10")
def a_response_names_a_case_of_another_account(evidence: Evidence) -> None:
    response = _listed(evidence)
    theirs = next(row["id"] for row in _rows(evidence, "cases", "cases") if row["account_id"] == str(OTHER))
    response["body"] = json.dumps({"items": [{"title": "duplicate of", "of": theirs}]})


@breaks("I10")
def a_frame_of_another_account_was_heard(evidence: Evidence) -> None:
    frame = evidence.history.of_kind("frame")[0]
    frame["data"] = json.dumps({**json.loads(frame["data"]), "accountid": str(OTHER)})


@breaks("I10")
def a_tenant_heard_what_is_internal(evidence: Evidence) -> None:
    frame = evidence.history.of_kind("frame")[0]
    frame["data"] = json.dumps({**json.loads(frame["data"]), "type": "polyplus.cases.internal-note-added.v1"})


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
    _rows(evidence, "rma", "timers").append({**_fired(evidence)["old"], "generation": 10_000})


@breaks("I12")
def a_call_was_never_made(evidence: Evidence) -> None:
    _rows(evidence, "rma", "jobs")[0]["due_at"] = "2020-01-01T00:00:00+00:00"


@breaks("I13")
def a_part_was_promised_twice(evidence: Evidence) -> None:
    changed = _changes(evidence, "rma", "stock")[-1]["new"]
    changed["reserved"] = changed["on_hand"] + 1


@breaks("I13")
def stock_was_seen_negative(evidence: Evidence) -> None:
    line = next(line for line in evidence.history.of_kind("sample") if line.get("stock"))
    line["stock"] = {id: [-1, 0, 0] for id in line["stock"]}


@breaks("I13")
def a_reservation_left_no_trace(evidence: Evidence) -> None:
    movements = _rows(evidence, "rma", "stock_movements")
    movements.remove(next(row for row in movements if row["kind"] == "release"))


@breaks("I13")
def one_part_was_sent_to_two(evidence: Evidence) -> None:
    rmas = _rows(evidence, "rma", "rmas")
    sent = next(row for row in rmas if row["shipped_serial"])
    other = next(row for row in rmas if row["state"] == "cancelled")
    other.update(state="closed", shipped_serial=sent["shipped_serial"], part_number=sent["part_number"])


@breaks("I14")
def two_bookings_overlap(evidence: Evidence) -> None:
    one, other = _rows(evidence, "onsite", "bookings")
    other.update(leaves_at=one["leaves_at"])


@breaks("I14")
def two_bookings_overlapped_for_a_while(evidence: Evidence) -> None:
    first, second, *_ = _changes(evidence, "onsite", "bookings")
    second["new"]["leaves_at"] = first["new"]["starts"]


@breaks("I14")
def a_technician_worked_at_two_sites_at_once(evidence: Evidence) -> None:
    rows = _rows(evidence, "onsite", "appointments")
    done = next(row for row in rows if row["state"] == "completed")
    rows.append({**done, "id": str(OTHER), "work_order_id": str(OTHER)})
