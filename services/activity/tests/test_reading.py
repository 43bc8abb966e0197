"""The timeline and the replay: everything for the staff, an account's public events for its own people, nothing for others."""

from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.catalogue import published
from services.activity.model.importance import HIGH, LOW
from services.activity.tests.builders import (
    ACCOUNT,
    CASE_OPENED,
    CASE_OPENED_ONCE,
    CASE_ROUTED,
    CLOCK_STARTED,
    INTERNAL_NOTE,
    NOTE_ADDED,
    OTHER_ACCOUNT,
    PART_SHIPPED,
    an_event,
    kept_by_code_of_before,
    saying,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal

OUTSIDERS = ("customer", "reseller", "partner", "integrator")
STAFF = ("engineer", "manager", "ops", "admin")


async def a_case_with_history(activity: Harness) -> UUID:
    """Heard out of order, with an internal note in it, beside another account's case."""
    case = uuid4()
    await activity.deliver(
        an_event(PART_SHIPPED, case_id=case, minutes=20),
        an_event(CASE_OPENED, case_id=case, minutes=0),
        an_event(account_id=OTHER_ACCOUNT),
        an_event(INTERNAL_NOTE, case_id=case, minutes=10),
        an_event(NOTE_ADDED, case_id=case, minutes=20),
    )
    return case


@pytest.mark.promise("S18", "S11")
@pytest.mark.parametrize("role", OUTSIDERS)
async def test_the_account_reads_its_case_by_time(activity: Harness, role: str) -> None:
    case = await a_case_with_history(activity)
    answer = await activity.get(f"/v1/cases/{case}/timeline", role=role, accounts=[ACCOUNT])
    assert answer.status_code == 200
    assert [e["type"] for e in answer.json()["items"]] == [CASE_OPENED, PART_SHIPPED, NOTE_ADDED]
    assert answer.json()["items"][0]["source"] == "/polyplus/cases"


@pytest.mark.parametrize("role", STAFF)
async def test_the_staff_reads_what_is_internal_too(activity: Harness, role: str) -> None:
    case = await a_case_with_history(activity)
    answer = await activity.get(f"/v1/cases/{case}/timeline", role=role)
    assert [e["type"] for e in answer.json()["items"]] == [CASE_OPENED, INTERNAL_NOTE, PART_SHIPPED, NOTE_ADDED]


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_another_account_s_case_is_as_one_that_is_not(activity: Harness, role: str) -> None:
    case = await a_case_with_history(activity)
    for accounts in ([OTHER_ACCOUNT], []):
        answer = await activity.get(f"/v1/cases/{case}/timeline", role=role, accounts=accounts)
        absent = await activity.get(f"/v1/cases/{(other := uuid4())}/timeline", role=role, accounts=accounts)
        assert answer.status_code == absent.status_code == 404
        assert answer.text.replace(str(case), "") == absent.text.replace(str(other), "")


async def test_a_timeline_comes_in_pages(activity: Harness) -> None:
    case = uuid4()
    events = [an_event(NOTE_ADDED, case_id=case, minutes=i // 3) for i in range(7)]
    await activity.deliver(*events)
    found, cursor = [], ""
    while True:
        answer = (await activity.get(f"/v1/cases/{case}/timeline?limit=3{cursor}")).json()
        found += [e["id"] for e in answer["items"]]
        if not answer["next_cursor"]:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert found == [str(e.event_id) for e in events]


async def test_a_timeline_is_read_from_either_end(activity: Harness) -> None:
    case = uuid4()
    await activity.deliver(*(an_event(NOTE_ADDED, case_id=case, minutes=i // 3) for i in range(7)))
    oldest = [e["id"] for e in (await activity.get(f"/v1/cases/{case}/timeline")).json()["items"]]
    found, cursor = [], ""
    while True:
        answer = (await activity.get(f"/v1/cases/{case}/timeline?sort=-time&limit=3{cursor}")).json()
        found += [e["id"] for e in answer["items"]]
        if not answer["next_cursor"]:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert found == oldest[::-1]
    assert refusal(await activity.get(f"/v1/cases/{case}/timeline?sort=actor")) == (400, "unknown-order")


@pytest.mark.parametrize("role", ["customer", "engineer"])
async def test_a_timeline_leaves_out_what_is_less_important_than_asked(activity: Harness, role: str) -> None:
    case, unknown = uuid4(), "polyplus.acme.new.v1"
    types = [CASE_OPENED, CASE_ROUTED, unknown, NOTE_ADDED, PART_SHIPPED, CLOCK_STARTED]
    await activity.deliver(*(an_event(type, case_id=case, minutes=i) for i, type in enumerate(types)))
    shown = [each for each in types if role == "engineer" or each not in (unknown, CLOCK_STARTED)]

    async def asked(query: str) -> list[tuple[str, str]]:
        answer = await activity.get(f"/v1/cases/{case}/timeline{query}", role=role, accounts=[ACCOUNT])
        return [(e["type"], e["importance"]) for e in answer.json()["items"]]

    assert await asked("?importance=high") == [(CASE_OPENED, "high"), (PART_SHIPPED, "high")]
    assert [t for t, _ in await asked("?importance=normal")] == [
        t for t in shown if t not in (CASE_ROUTED, CLOCK_STARTED)
    ]
    assert await asked("?importance=low") == await asked("")
    assert [t for t, _ in await asked("")] == shown


async def test_a_case_without_anything_important_is_no_case_that_is_not(activity: Harness) -> None:
    case = uuid4()
    await activity.deliver(an_event(NOTE_ADDED, case_id=case))
    assert (await activity.get(f"/v1/cases/{case}/timeline?importance=high")).json()["items"] == []
    assert (await activity.get(f"/v1/cases/{uuid4()}/timeline?importance=high")).status_code == 404


def test_what_is_said_to_be_important_or_not_is_published() -> None:
    names = {event.contract.name for event in published().values()}
    assert names >= HIGH | LOW
    assert not HIGH & LOW


async def test_a_replay_begins_after_a_position_and_says_how_far_it_is_complete(activity: Harness) -> None:
    await activity.deliver(*(an_event(minutes=i) for i in range(5)))
    answer = (await activity.get("/v1/events?after=2")).json()
    assert [e["seq"] for e in answer["items"]] == [3, 4, 5]
    assert (answer["position"], answer["next_cursor"]) == (5, None)
    first = (await activity.get("/v1/events?limit=2")).json()
    assert ([e["seq"] for e in first["items"]], first["position"]) == ([1, 2], 2)
    second = (await activity.get(f"/v1/events?limit=2&cursor={first['next_cursor']}")).json()
    assert [e["seq"] for e in second["items"]] == [3, 4]
    assert (await activity.get("/v1/events?after=99")).json()["position"] == 5  # a position of another stream


async def test_a_tenant_s_replay_is_complete_up_to_where_the_stream_is(activity: Harness) -> None:
    await activity.deliver(an_event(), an_event(account_id=OTHER_ACCOUNT), an_event(account_id=OTHER_ACCOUNT))
    answer = (await activity.get("/v1/events", role="customer", accounts=[ACCOUNT])).json()
    assert ([e["seq"] for e in answer["items"]], answer["position"]) == ([1], 3)


async def test_a_replay_is_filtered(activity: Harness) -> None:
    case = await a_case_with_history(activity)

    async def types(query: str) -> list[str]:
        return [e["type"] for e in (await activity.get(f"/v1/events?{query}")).json()["items"]]

    assert await types("type=polyplus.rma.") == [PART_SHIPPED]
    assert await types(f"type=polyplus.rma.&type={NOTE_ADDED}") == [PART_SHIPPED, NOTE_ADDED]
    assert await types("type=%25") == []
    assert len(await types(f"case_id={case}")) == 4
    assert len(await types(f"account_id={OTHER_ACCOUNT}")) == 1


@pytest.mark.parametrize("role", ["customer", "engineer"])
async def test_an_older_version_is_given_out_as_the_newest_without_the_person_it_named(
    activity: Harness, role: str
) -> None:
    case = uuid4()
    await activity.deliver(an_event(case_id=case, description="no picture"), an_event(PART_SHIPPED, case_id=case))
    await kept_by_code_of_before(activity, reporter_name="Nguyễn Văn An")
    told = (CASE_OPENED, {"case_id": str(case), "description": "no picture"})

    async def first(path: str) -> tuple[str, object]:
        event = (await activity.get(path, role=role, accounts=[ACCOUNT])).json()["items"][0]
        return event["type"], event["data"]

    assert await first(f"/v1/cases/{case}/timeline?importance=high") == told
    for asked in ("", f"?type={CASE_OPENED}", f"?type={CASE_OPENED_ONCE}", "?type=polyplus.cases."):
        assert await first(f"/v1/events{asked}") == told


@pytest.mark.parametrize("data", [b"[7]", b'"An"', b'{"reporter_name": "An\\u0000"}', b"An", None])
async def test_what_never_was_of_its_old_version_names_nobody(activity: Harness, data: bytes | None) -> None:
    await activity.deliver(saying(an_event(CASE_OPENED_ONCE), data))
    [event] = (await activity.get("/v1/events")).json()["items"]
    assert (event["type"], event["data"]) == (CASE_OPENED, None)


async def test_naming_another_account_gives_nothing(activity: Harness) -> None:
    await a_case_with_history(activity)
    answer = await activity.get(f"/v1/events?account_id={OTHER_ACCOUNT}", role="customer", accounts=[ACCOUNT])
    assert answer.json()["items"] == []


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("after=-1", (422, "/after")),
        ("after=x", (422, "/after")),
        ("after=9223372036854775808", (422, "/after")),
        ("limit=0", (422, "/limit")),
        ("limit=201", (422, "/limit")),
        ("cursor=x", (400, "bad-request")),
        ("case_id=1", (422, "/case_id")),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(activity: Harness, query: str, refused: tuple[int, str]) -> None:
    answer = await activity.get(f"/v1/events?{query}")
    assert refusal(answer) == refused
    assert answer.headers["content-type"] == "application/problem+json"


async def test_row_level_security_holds_without_the_predicates(activity: Harness) -> None:
    from libs.store import Scope

    await a_case_with_history(activity)
    async with activity.database.transaction(Scope("tenant", frozenset({OTHER_ACCOUNT}))) as tx:
        assert len(await tx.connection.fetch("SELECT FROM activity_events")) == 1
    async with activity.database.transaction(Scope("tenant")) as tx:
        assert len(await tx.connection.fetch("SELECT FROM activity_events")) == 0


a_record = st.tuples(st.integers(0, 2), st.sampled_from([None, ACCOUNT]), st.sampled_from([CASE_OPENED, INTERNAL_NOTE]))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(a_record, min_size=1, max_size=8), stop=st.integers(0, 8))
async def test_a_reader_who_goes_on_from_a_position_misses_nothing_and_sees_nothing_twice(
    activity: Harness, records: list[tuple[int, UUID | None, str]], stop: int
) -> None:
    """Also events whose account is learned between two reads; a tenant never sees those of nobody, or internal ones."""
    await activity.empty()
    cases = [uuid4() for _ in range(3)]
    events = [an_event(ce_type, case_id=cases[n], account_id=account) for n, account, ce_type in records]
    expected = {
        str(e.event_id)
        for e in events
        if e.type == CASE_OPENED and any(o.key == e.key and o.account_id for o in events)
    }
    who: dict[str, dict[str, object]] = {
        "customer": {"role": "customer", "accounts": [ACCOUNT]},
        "ops": {"role": "ops"},
    }
    seen: dict[str, list[str]] = {name: [] for name in who}
    positions = dict.fromkeys(who, 0)
    for batch in (events[:stop], events[stop:]):
        await activity.deliver(*batch)
        for name, how in who.items():
            answer = (await activity.get(f"/v1/events?after={positions[name]}", **how)).json()
            seen[name] += [e["id"] for e in answer["items"]]
            positions[name] = answer["position"]
    assert sorted(seen["ops"]) == sorted(str(e.event_id) for e in events)
    assert sorted(seen["customer"]) == sorted(expected)
