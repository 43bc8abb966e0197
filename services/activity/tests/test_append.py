"""The stream holds everything, once, in one order, with whose it is."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import strategies as st

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from deploy.topics import topics
from libs.bus import Delivery
from libs.bus.retention import Retention, sweep
from libs.events.entitlements import ContractActivated, ProductRegistered
from libs.events.onsite import VisitScheduled
from services.activity.handlers import on
from services.activity.reactions.append_events import append_events
from services.activity.tests.builders import (
    ACCOUNT,
    CASE_OPENED,
    CASE_OPENED_ONCE,
    CLOCK_STARTED,
    INTERNAL_NOTE,
    PART_SHIPPED,
    an_event,
    saying,
)
from tests.support.harness import Harness
from tests.support.order import in_any_order, interleavings, tell

CONTRACT, REGISTERED = ContractActivated.contract.ce_type, ProductRegistered.contract.ce_type


async def stored(activity: Harness) -> list[asyncpg.Record]:
    async with activity.transaction() as tx:
        return await tx.connection.fetch("SELECT * FROM activity_events ORDER BY seq")


async def append(activity: Harness, *deliveries: Delivery) -> None:
    async with activity.transaction() as tx:
        await append_events(deliveries, tx)


def test_every_topic_of_facts_is_heard_and_none_that_is_not_there() -> None:
    made = {topic.topic for topic in topics()}
    silent = {"activity.events", "gateway.events", "portal.events"}

    assert on.topics <= made
    assert {each for each in made if each.endswith(".events")} - on.topics <= silent


async def test_an_event_is_kept_as_it_came(activity: Harness) -> None:
    event = an_event(PART_SHIPPED, tracking="VN-1 ✓")
    await activity.deliver(event)
    [row] = await stored(activity)
    assert (row["event_id"], row["type"], row["topic"]) == (event.event_id, PART_SHIPPED, "rma.events")
    assert (row["case_id"], row["account_id"], row["visibility"]) == (event.key, ACCOUNT, "public")
    assert (row["time"], row["actor"], row["version"]) == (event.time, "system:test", 1)
    assert "VN-1 ✓" in row["data"]
    assert row["seq"] == row["account_seq"] == 1


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"\xff\xfe",
        b"not json",
        b'{"case_id": 7}',
        b'{"case_id": "x", "a": "\\u0000"}',
        b"[1]",
        b'{"n": NaN}',
    ],
)
async def test_what_cannot_be_read_is_kept_nevertheless(activity: Harness, data: bytes | None) -> None:
    await activity.deliver(saying(an_event(), data), an_event())
    assert [row["case_id"] is None for row in await stored(activity)] == [True, False]


async def test_a_type_without_a_contract_is_for_the_staff_alone(activity: Harness) -> None:
    await activity.deliver(
        an_event("polyplus.rma.invented-tomorrow.v9"), an_event(INTERNAL_NOTE), an_event(CASE_OPENED)
    )
    assert [row["visibility"] for row in await stored(activity)] == ["internal", "internal", "public"]


async def test_an_old_version_is_as_visible_as_the_one_it_is_read_as(activity: Harness) -> None:
    await activity.deliver(an_event(CASE_OPENED_ONCE))
    assert [row["visibility"] for row in await stored(activity)] == ["public"]


async def test_an_event_of_an_older_version_is_kept_as_the_newest_has_it(activity: Harness) -> None:
    await activity.deliver(an_event(CASE_OPENED_ONCE, reporter_name="Nguyễn Văn An", description="no picture"))
    [row] = await stored(activity)
    assert (row["type"], {*json.loads(row["data"])}) == (CASE_OPENED, {"case_id", "description"})


async def test_an_upgrade_takes_out_of_the_journal_what_newer_versions_dropped(postgres_url: str) -> None:
    owner_url, _ = await create_service_database(postgres_url, "activity", prefix="named_")
    await migrate("activity", owner_url, "0006")
    odd = {"[7]": "[7]", '{"data_base64": "QW4="}': '{"data_base64": "QW4="}'}
    rows = [(CASE_OPENED_ONCE, f'{{"n": {n}, "reporter_name": "An"}}') for n in range(4500)] + [
        (CASE_OPENED_ONCE, data) for data in odd
    ]
    rows += [(CASE_OPENED, '{"n": 1}'), ("polyplus.acme.new.v1", '{"reporter_name": "An"}')]
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("SET polyplus.scope = 'worker'")
        await owner.execute(
            "INSERT INTO activity_events (seq, event_id, topic, type, subject, version, visibility, time, actor, data)"
            " SELECT n, gen_random_uuid(), 'cases.events', t, gen_random_uuid(), 1, 'public', now(), 'system', d::jsonb"
            " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(t, d, n)",
            *zip(*rows, strict=True),
        )
        await migrate("activity", owner_url)
        now = await owner.fetch("SELECT type, data FROM activity_events ORDER BY seq")
    finally:
        await owner.close()
    assert [(row["type"], row["data"]) for row in now[:4500]] == [(CASE_OPENED, f'{{"n": {n}}}') for n in range(4500)]
    assert [(row["type"], row["data"]) for row in now[4500:]] == [
        *((CASE_OPENED_ONCE, data) for data in odd.values()),
        (CASE_OPENED, '{"n": 1}'),
        ("polyplus.acme.new.v1", '{"reporter_name": "An"}'),
    ]


async def test_a_redelivery_adds_nothing(activity: Harness) -> None:
    event = an_event()
    await activity.deliver(event, event)
    await append(activity, event)
    assert len(await stored(activity)) == 1


async def test_an_event_without_an_account_belongs_to_its_case_s(activity: Harness) -> None:
    case = uuid4()
    await activity.deliver(an_event(case_id=case), an_event(PART_SHIPPED, case_id=case, account_id=None))
    assert [row["account_id"] for row in await stored(activity)] == [ACCOUNT, ACCOUNT]


async def test_within_one_batch_too_and_in_any_order(activity: Harness) -> None:
    case = uuid4()
    await append(activity, an_event(PART_SHIPPED, case_id=case, account_id=None), an_event(case_id=case))
    assert [(row["account_id"], row["seq"]) for row in await stored(activity)] == [(ACCOUNT, 1), (ACCOUNT, 2)]


async def test_an_account_learned_late_gives_a_second_position(activity: Harness) -> None:
    case = uuid4()
    early = [an_event(PART_SHIPPED, case_id=case, account_id=None) for _ in range(2)]
    await activity.deliver(*early, an_event(), an_event(case_id=case), an_event())
    rows = await stored(activity)
    assert [row["account_id"] for row in rows] == [ACCOUNT] * 5
    assert [(row["seq"], row["account_seq"]) for row in rows] == [(1, 5), (2, 6), (3, 3), (4, 4), (7, 7)]


async def test_positions_follow_commits_when_many_append_at_once(activity: Harness) -> None:
    """A reader who goes on after the highest position it saw misses nothing."""
    done = asyncio.Event()
    seen: list[int] = []

    async def write() -> None:
        for _ in range(15):
            await append(activity, *(an_event() for _ in range(3)))

    async def read() -> None:
        last = 0
        while not done.is_set() or last < 6 * 45:
            async with activity.transaction() as tx:
                rows = await tx.connection.fetch("SELECT seq FROM activity_events WHERE seq > $1 ORDER BY seq", last)
            seen.extend(row["seq"] for row in rows)
            last = seen[-1] if seen else 0

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write() for _ in range(6)))
    done.set()
    await asyncio.wait_for(reader, 10)
    assert seen == list(range(1, 6 * 45 + 1))


async def test_an_account_learned_at_the_very_moment_is_learned_for_all(activity: Harness) -> None:
    for _ in range(20):
        case = uuid4()
        early = (append(activity, an_event(PART_SHIPPED, case_id=case, account_id=None)) for _ in range(3))
        await asyncio.gather(*early, append(activity, an_event(case_id=case)))
    assert {row["account_id"] for row in await stored(activity)} == {ACCOUNT}


CASES = [uuid4(), uuid4()]
STORY = [
    an_event(ce_type, case_id=case, account_id=ACCOUNT if named else None, minutes=i)
    for i, (ce_type, case, named) in enumerate(
        [
            (CASE_OPENED, CASES[0], True),
            (PART_SHIPPED, CASES[0], False),
            (VisitScheduled.contract.ce_type, CASES[0], False),
            (CASE_OPENED, CASES[1], True),
            (INTERNAL_NOTE, CASES[1], False),
            (CLOCK_STARTED, CASES[1], False),
        ]
    )
]


@in_any_order()
async def test_any_order_gives_the_same_record(activity: Harness, data: st.DataObject) -> None:
    await activity.empty()
    await tell(activity, data.draw(interleavings(STORY)))
    rows = await stored(activity)
    assert {row["event_id"]: row["account_id"] for row in rows} == {event.event_id: ACCOUNT for event in STORY}
    positions = sorted({row["seq"] for row in rows} | {row["account_seq"] for row in rows})
    assert positions == list(range(1, len(positions) + 1))
    assert all(row["account_seq"] >= row["seq"] for row in rows)
    assert await activity.outbox() == []


async def test_everything_is_kept_unless_a_service_is_told_for_how_long(activity: Harness) -> None:
    now = await activity.now()
    old, recent = (replace(an_event(), time=now - timedelta(days=days)) for days in (31, 29))
    await activity.deliver(old, recent)
    await sweep(activity.database, Retention())
    assert len(await stored(activity)) == 2
    await sweep(activity.database, Retention(journal=("activity_events", "seq", "time", timedelta(days=30))))
    assert [row["event_id"] for row in await stored(activity)] == [recent.event_id]


async def test_a_contract_and_a_registration_with_one_id_are_two_aggregates(activity: Harness) -> None:
    contract = an_event(CONTRACT)
    registration = replace(an_event(REGISTERED), subject=contract.subject, key=contract.key)
    await activity.deliver(contract, replace(contract, event_id=uuid4(), version=2), registration)
    assert [row["type"] for row in await stored(activity)] == [CONTRACT, CONTRACT, REGISTERED]


async def test_an_upgrade_tells_the_kinds_apart_by_what_the_journal_holds(postgres_url: str) -> None:
    owner_url, _ = await create_service_database(postgres_url, "activity", prefix="before_kinds_")
    await migrate("activity", owner_url, "0003")
    contract, registration, forgotten = an_event(CONTRACT), an_event(REGISTERED), uuid4()
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("SET polyplus.scope = 'worker'")
        for seq, (event, version) in enumerate([(contract, 1), (contract, 7), (registration, 2)]):
            await owner.execute(
                "INSERT INTO activity_events (seq, event_id, topic, type, subject, version, visibility, time, actor, data) "
                "VALUES ($1, $2, 'entitlements.events', $3, $4, $5, 'public', now(), 'system', '{}')",
                seq,
                uuid4(),
                event.type,
                contract.subject,
                version,
            )
        for subject in (contract.subject, forgotten):
            await owner.execute(
                "INSERT INTO consumed_versions VALUES ('activity', 'entitlements.events', $1, 7)", subject
            )
        await migrate("activity", owner_url)
        rows = await owner.fetch("SELECT subject, kind, version FROM consumed_versions ORDER BY kind")
    finally:
        await owner.close()
    assert [tuple(row) for row in rows] == [
        (forgotten, "", 7),
        (contract.subject, "entitlements.contract_id", 7),
        (contract.subject, "entitlements.registration_id", 2),
    ]
