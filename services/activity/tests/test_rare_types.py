"""A type of which there are few events in a long stream is found without a walk through the others."""

import asyncpg

from libs.events.cases import CaseCancelled
from libs.events.cases_work import InternalNoteAdded, NoteAdded
from services.activity.app import service
from services.activity.model.types import known_types
from tests.support.filling import uid
from tests.support.harness import service_database
from tests.support.lists import Asked, Read, listening, read_by

COMMON, RARE = NoteAdded.contract.ce_type, CaseCancelled.contract.ce_type
INTERNAL = InternalNoteAdded.contract.ce_type
ROWS, PAGE = 20_000, 10
_FILL = """
INSERT INTO activity_events (seq, event_id, topic, type, subject, version, case_id, account_id, account_seq, visibility, time, actor, data)
SELECT n, gen_random_uuid(), 'cases.events', CASE WHEN n % 5000 = 0 THEN $3 WHEN n % 2 = 0 THEN $4 ELSE $2 END,
       gen_random_uuid(), 1, gen_random_uuid(), ($5::text[])[(1 + n % 3)::int]::uuid, n,
       CASE WHEN n % 2 = 0 AND n % 5000 <> 0 THEN 'internal' ELSE 'public' END,
       '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', 'system', '{}'
  FROM generate_series(1, $1::bigint) AS n
"""


async def read(postgres_url: str, *asked: Asked) -> list[Read]:
    """What each request reads of a stream of three accounts, in which the rare type comes four times."""
    owner_url, url = await service_database(postgres_url, "activity")
    async with listening(service, owner_url, url) as (harness, heard):
        await harness.empty()
        owner = await asyncpg.connect(owner_url)
        try:
            await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
            await owner.execute(_FILL, ROWS, COMMON, RARE, INTERNAL, [uid(n) for n in range(1, 4)])
            await owner.execute("ANALYZE activity_events")
        finally:
            await owner.close()
        found = [await read_by(each, harness, heard, limit=PAGE) for each in asked]
        await harness.empty()
    return found


async def test_a_rare_type_costs_what_it_has_and_a_beginning_a_page_of_each_type(postgres_url: str) -> None:
    """For the staff, for a customer with one account, and for a reseller with five."""
    most = {Asked("/v1/events", "type", RARE, role): 4 for role in ("engineer", "customer", "reseller")}
    for role in ("engineer", "customer"):
        most[Asked("/v1/events", "type", "polyplus.cases.note", role)] = PAGE + 1
        most[Asked("/v1/events", "type", "polyplus.cases.", role)] = 4 + 2 * (PAGE + 1)
    # What only the staff may see is not looked for on a customer's behalf.
    most[Asked("/v1/events", "type", INTERNAL, "customer")] = 0

    found = await read(postgres_url, *most)

    assert [each for each in found if each.walked or each.rows > most[each.asked]] == []


def test_a_beginning_stands_for_the_known_types_and_a_whole_name_for_itself() -> None:
    assert known_types([RARE], public_only=True) == [RARE]
    assert known_types(["polyplus.cases.note-", "polyplus.acme.new.v1"], public_only=False) == [
        "polyplus.acme.new.v1",
        "polyplus.cases.note-",
        "polyplus.cases.note-added.v1",
        COMMON,
    ]
    assert known_types([INTERNAL, "polyplus.acme.new.v1"], public_only=True) == []
    assert known_types(["polyplus.acme."], public_only=False) == ["polyplus.acme."]
    assert known_types(["polyplus."], public_only=True) is None
