"""From a command to the log, and from the log to its effects (I1 to I6)."""

from __future__ import annotations

from dataclasses import replace

from services.cases.tests.builders import OTHER
from tests.faults.checker.tests.corruptions import breaks, changes_of, last_versions, later, rows_of
from tests.faults.evidence import CHANGES, Evidence, Record
from tests.support.headers import headers_of

# --- I1 to I4: from the command to the log ------------------------------------------------------------------------------


@breaks("I1")
def an_answer_was_sent_before_its_commit(evidence: Evidence) -> None:
    rows_of(evidence, "rma", "idempotency_keys").clear()


@breaks("I1")
def a_row_was_kept_without_its_last_event(evidence: Evidence) -> None:
    rows_of(evidence, "cases", "cases")[0]["version"] += 1


@breaks("I1")
def an_event_was_kept_without_its_row(evidence: Evidence) -> None:
    max(rows_of(evidence, "rma", "rmas"), key=lambda row: row["version"])["version"] -= 1


@breaks("I2")
def a_committed_event_was_never_sent(evidence: Evidence) -> None:
    evidence.topics["rma.events"].remove(last_versions(evidence, "rma.events")[0])


@breaks("I2")
def an_event_lost_a_byte_on_its_way(evidence: Evidence) -> None:
    records = evidence.topics["cases.events"]
    record = last_versions(evidence, "cases.events")[0]
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
    record = last_versions(evidence, "cases.events")[0]
    records.remove(record)
    records.append(replace(record, partition=record.partition + 10, offset=10_000))


@breaks("I4")
def an_event_was_appended_again_under_a_new_version(evidence: Evidence) -> None:
    """Told by a row of a key that nobody else has, so that only the order of the versions is wrong."""
    outbox, records = rows_of(evidence, "entitlements", "outbox"), evidence.topics["entitlements.events"]
    first = next(row for row in outbox if row["topic"] == "entitlements.events")
    rows = [row for row in outbox if row["subject"] == first["subject"]]
    at = next(i for i, record in enumerate(records) if str(record.delivery.event_id) == rows[0]["event_id"])
    headers = tuple((n, b"2" if n == "ce_aggregateversion" else v) for n, v in records[at].headers)
    records[at] = replace(records[at], headers=headers)
    outbox.append({**rows[0], "id": 10_000, "event_id": str(OTHER)})
    rows[0]["version"] = 2
    outbox[-1]["topic"] = "entitlements.others"  # version 1 is somewhere, but not on this topic
    record = Record(
        "entitlements.others", 0, 0, records[at].key,
        tuple((n, str(OTHER).encode() if n == "ce_id" else b"1" if n == "ce_aggregateversion" else v) for n, v in headers),
        records[at].value,
    )  # fmt: skip
    evidence.topics["entitlements.others"] = [record]
    for row in rows_of(evidence, "entitlements", "case_files"):
        row["version"] = 2 if row["id"] == rows[0]["subject"] else row["version"]


def told_as_state(evidence: Evidence, *versions: int) -> None:
    """A unit's state at version 2, and its records as they stand on the topic."""
    topic, outbox = "entitlements.registrations", rows_of(evidence, "entitlements", "outbox")
    row = next(row for row in outbox if row["topic"] == "entitlements.events")
    headers = dict(headers_of({**row, "event_id": OTHER}))
    rows_of(evidence, "entitlements", "states").append(
        {"topic": topic, "key": row["key"], "type": row["type"], "account_id": None, "version": 2, "data": "\\x7b7d"}
    )
    outbox.append({**row, "id": 10_000, "topic": topic, "event_id": str(OTHER), "data": None})
    evidence.topics[topic] = [
        Record(
            topic, 0, offset, row["key"].encode(),
            (*({**headers, "ce_aggregateversion": str(version).encode()}).items(),), b"{}",
        )
        for offset, version in enumerate(versions)
    ]  # fmt: skip


@breaks("I2")
def a_state_was_never_sent(evidence: Evidence) -> None:
    told_as_state(evidence, 1)


@breaks("I4")
def an_older_state_came_back(evidence: Evidence) -> None:
    told_as_state(evidence, 2, 1, 2)


# --- I5 and I6: from the log to the effects ------------------------------------------------------------------------------


@breaks("I5")
def an_event_was_handled_twice(evidence: Evidence) -> None:
    caused = [row for row in rows_of(evidence, "rma", "outbox") if row["causation_id"] and row["topic"] == "rma.events"]
    caused[0]["xid"] = "999999999"


@breaks("I5")
def an_event_was_passed_over(evidence: Evidence) -> None:
    id = str(last_versions(evidence, "rma.events")[0].delivery.event_id)
    tables = evidence.databases["activity"].tables
    tables["inbox"] = [row for row in tables["inbox"] if row["event_id"] != id]
    tables[CHANGES] = [row for row in tables[CHANGES] if (row["new"] or {}).get("event_id") != id]
    tables["activity_events"] = [row for row in tables["activity_events"] if row["event_id"] != id]


@breaks("I5")
def an_event_is_twice_in_the_stream(evidence: Evidence) -> None:
    rows = rows_of(evidence, "activity", "activity_events")
    rows.append({**rows[0], "seq": 10_000})


@breaks("I5")
def a_handler_was_given_an_event_twice(evidence: Evidence) -> None:
    rows = rows_of(evidence, "witness", "sightings")
    rows.append({**rows[0], "id": str(OTHER)})


@breaks("I5")
def an_event_was_claimed_and_given_to_no_handler(evidence: Evidence) -> None:
    rows_of(evidence, "witness", "sightings").pop()


@breaks("I5")
def one_diagnosis_got_two_parts(evidence: Evidence) -> None:
    one, other, *_ = rows_of(evidence, "rma", "rmas")
    one["cause_id"] = other["cause_id"]


@breaks("I6")
def an_offset_went_back(evidence: Evidence) -> None:
    last = changes_of(evidence, "rma", "consumer_offsets")[-1]
    later(evidence, "rma", last, old=last["new"], new={**last["new"], "next": last["new"]["next"] - 1})


@breaks("I6")
def an_offset_moved_before_its_event_was_handled(evidence: Evidence) -> None:
    id = str(last_versions(evidence, "rma.events")[0].delivery.event_id)
    claim = next(row for row in changes_of(evidence, "activity", "inbox") if row["new"]["event_id"] == id)
    rows_of(evidence, "activity", CHANGES).remove(claim)
    later(evidence, "activity", claim, xid="999999999")


@breaks("I6")
def a_database_forgot_an_offset_in_a_crash(evidence: Evidence) -> None:
    line = next(
        line for line in evidence.history.of_kind("sample") if line["service"] == "activity" and line["offsets"]
    )
    line["offsets"] = {name: next + 1000 for name, next in line["offsets"].items()}
