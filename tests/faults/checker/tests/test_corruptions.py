from __future__ import annotations

import asyncpg
import pytest

from tests.faults.checker import INVARIANTS, check
from tests.faults.checker.tests import corruptions_of_effects, corruptions_of_the_log
from tests.faults.checker.tests.conftest import Played
from tests.faults.checker.tests.corruptions import Corruption, breaking
from tests.faults.collect import read_database
from tests.faults.evidence import Evidence

CORRUPTIONS = [*breaking(corruptions_of_the_log), *breaking(corruptions_of_effects)]


async def objections(evidence: Evidence) -> set[str]:
    """Who objects, all but the rebuild asked."""
    return {violation.invariant for look in await check(evidence, None) for violation in look.violations}


@pytest.mark.parametrize(
    ("invariant", "corruption"), CORRUPTIONS, ids=[f"{name}-{made.__name__}" for name, made in CORRUPTIONS]
)
async def test_false_evidence_is_objected_to_by_its_own_invariant_alone(
    evidence: Evidence, invariant: str, corruption: Corruption
) -> None:
    corruption(evidence)

    assert await objections(evidence) == {invariant}


async def test_evidence_of_nothing_proves_nothing() -> None:
    assert await objections(Evidence({}, {}, {})) == {each.name for each in INVARIANTS}


def test_every_invariant_but_the_rebuild_has_a_corruption() -> None:
    assert {invariant for invariant, _ in CORRUPTIONS} == {each.name for each in INVARIANTS}


async def test_two_versions_swapped_in_kafka_are_seen(evidence: Evidence) -> None:
    records = evidence.topics["cases.events"]
    one, other = [i for i, record in enumerate(records) if record.key == records[0].key][:2]
    first, second = records[one], records[other]
    records[one] = type(first)(first.topic, first.partition, first.offset, first.key, second.headers, second.value)
    records[other] = type(first)(first.topic, first.partition, second.offset, first.key, first.headers, first.value)

    found = [violation for look in await check(evidence, None) for violation in look.violations]

    assert {violation.invariant for violation in found} == {"I4", "I6", "I9"}  # nor was it handled in that order
    versions = next(violation for violation in found if violation.invariant == "I4")
    assert (versions.evidence["topic"], versions.evidence["versions"][:2]) == ("cases.events", [2, 1])


async def test_an_outbox_row_deleted_by_hand_is_named(played: Played, evidence: Evidence) -> None:
    owner = await asyncpg.connect(played.run.owner_urls["cases"])
    try:
        gone = await owner.fetchrow(
            "DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox) RETURNING *, to_jsonb(outbox)::text AS row"
        )
        assert gone is not None
        evidence.databases["cases"] = await read_database("cases", played.run.owner_urls["cases"])
        await owner.execute(
            "INSERT INTO outbox OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::outbox, $1::jsonb)", gone["row"]
        )  # fmt: skip
    finally:
        await owner.close()

    found = [violation for look in await check(evidence, None) for violation in look.violations]

    assert {violation.invariant for violation in found} == {"I1", "I3"}
    assert {violation.evidence.get("event_id", gone["event_id"]) for violation in found} == {gone["event_id"]}
    assert {str(violation.evidence.get("id", gone["subject"])) for violation in found} == {str(gone["subject"])}


async def test_one_edited_cell_of_a_replica_is_named(played: Played, evidence: Evidence, postgres_url: str) -> None:
    owner = await asyncpg.connect(played.run.owner_urls["rma"])
    edit = "UPDATE case_files SET serial = $1 WHERE id = (SELECT min(id::text)::uuid FROM case_files) RETURNING id"
    try:
        async with owner.transaction():
            await owner.execute("SELECT set_config('polyplus.scope', 'worker', true)")
            serial = await owner.fetchval("SELECT serial FROM case_files ORDER BY id LIMIT 1")
            id = await owner.fetchval(edit, "EDITED")
        database = await read_database("rma", played.run.owner_urls["rma"])
        async with owner.transaction():
            await owner.execute("SELECT set_config('polyplus.scope', 'worker', true)")
            await owner.execute(edit, serial)
    finally:
        await owner.close()
    only_rma = Evidence({"rma": database}, evidence.topics, evidence.ends, evidence.history)

    (look,) = await check(only_rma, postgres_url, only=["I11"])

    (violation,) = look.violations
    said = {name: violation.evidence[name] for name in ("service", "table", "row", "column", "stored", "rebuilt")}
    assert said == {
        "service": "rma", "table": "case_files", "row": str(id), "column": "serial", "stored": "EDITED", "rebuilt": serial,
    }  # fmt: skip
