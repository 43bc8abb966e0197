"""Who follows a case: each side sees its own people, and whoever may read the case no more follows it no more."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.bus.replicas import ERASED
from libs.events import Event, State
from libs.events.cases_work import FollowersChanged, InternalFollowersChanged
from libs.events.entitlements import ContactState
from libs.events.gateway import PersonState
from libs.kit import people
from services.cases.model.follower import Follower
from services.cases.tests.builders import ACCOUNT, CUSTOMER, LAN_ID, OTHER, STRANGER, did, in_progress, opened
from services.cases.tests.test_end_of_shift import to, two_shifts
from services.cases.tests.test_merging import merged
from tests.support.forgetting import erased, person_erased
from tests.support.harness import Harness
from tests.support.people import LAN
from tests.support.refusals import refusal

AN = UUID("44444444-4444-4444-8444-444444444444")
AN_IS = ContactState(account_id=ACCOUNT, name="Nguyễn Văn An", language="vi", authorised=True)
BE_AN: dict[str, Any] = {**CUSTOMER, "person_id": AN}
MEI = UUID("55555555-5555-4555-8555-555555555555")
MEI_IS = LAN.model_copy(update={"roles": ["ops"], "display_name": "Mei"})


@pytest.fixture(autouse=True)
async def _known(cases: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.2)
    await cases.learn({AN: AN_IS, MEI: MEI_IS})


async def follows(h: Harness, case_id: UUID, body: dict[str, Any] | None = None, **who: Any) -> dict[str, Any]:
    return await did(h, case_id, "followers", body or {}, **who)


async def unfollows(h: Harness, case_id: UUID, query: str = "", **who: Any) -> int:
    return (await h.request("DELETE", f"/v1/cases/{case_id}/followers{query}", **who)).status_code


async def seen(h: Harness, case_id: UUID, **who: Any) -> list[UUID]:
    answer = await h.get(f"/v1/cases/{case_id}/followers", **who)
    assert answer.status_code == 200, answer.text
    return [UUID(each["contact_id"] or each["person"]["id"]) for each in answer.json()["items"]]


async def told(h: Harness) -> list[tuple[UUID, str, list[UUID], list[UUID]]]:
    found: list[Event] = await h.events()
    events = [each for each in found if isinstance(each, (FollowersChanged, InternalFollowersChanged))]
    return [(each.case_id, each.reason, each.added, each.removed) for each in events]


@pytest.mark.promise("S18")
async def test_who_follows_is_told_by_id_to_each_side_of_its_own(cases: Harness) -> None:
    case_id = await opened(cases)
    mine = await follows(cases, case_id)
    theirs = await follows(cases, case_id, **BE_AN)
    mei = await follows(cases, case_id, {"person_id": str(MEI)})

    assert (mine["person"], mine["contact_id"]) == ({"id": str(LAN_ID), "name": "Lan", "state": None}, None)
    assert (theirs["person"], theirs["contact_id"]) == (None, str(AN))
    assert (mei["person"]["name"], mei["by"]) == ("Mei", f"engineer:{LAN_ID}")
    assert await seen(cases, case_id) == [LAN_ID, AN, MEI]
    for role in ("customer", "reseller", "integrator"):
        assert await seen(cases, case_id, role=role, accounts=[ACCOUNT]) == [AN]
    assert [each.added for each in await cases.events(FollowersChanged)] == [[AN]]
    assert [each.added for each in await cases.events(InternalFollowersChanged)] == [[LAN_ID], [MEI]]
    said = [row["data"].decode() for row in await cases.outbox() if "followers-changed" in row["type"]]
    assert [word for word in (AN_IS.name, LAN.name, "Lan", "Mei") if word in str(said)] == []


async def test_twice_is_once(cases: Harness) -> None:
    case_id = await opened(cases)
    assert await follows(cases, case_id) == await follows(cases, case_id)
    assert await told(cases) == [(case_id, "asked", [LAN_ID], [])]
    assert [await unfollows(cases, case_id), await unfollows(cases, case_id)] == [204, 204]
    assert await told(cases) == [(case_id, "asked", [LAN_ID], []), (case_id, "asked", [], [LAN_ID])]
    assert await seen(cases, case_id) == []


async def test_two_who_say_it_in_the_same_instant_say_it_once(cases: Harness) -> None:
    case_id = await opened(cases)
    body = {"contact_id": str(AN)}
    answers = await asyncio.gather(*(cases.post(f"/v1/cases/{case_id}/followers", body) for _ in range(4)))
    assert {each.status_code for each in answers} == {201}
    assert await told(cases) == [(case_id, "asked", [AN], [])]


async def test_each_side_takes_out_whom_it_sees(cases: Harness) -> None:
    case_id = await opened(cases)
    await follows(cases, case_id)
    await follows(cases, case_id, {"contact_id": str(AN)}, **CUSTOMER)
    path = f"/v1/cases/{case_id}/followers?person_id={LAN_ID}"
    assert refusal(await cases.request("DELETE", path, **CUSTOMER)) == (422, "no-such-person")
    assert await seen(cases, case_id) == [LAN_ID, AN]
    assert await unfollows(cases, case_id, f"?contact_id={AN}", **STRANGER) == 404
    assert await unfollows(cases, case_id, **BE_AN) == 204
    assert await seen(cases, case_id) == [LAN_ID]
    await follows(cases, case_id, {"contact_id": str(AN)})
    assert await unfollows(cases, case_id, f"?contact_id={AN}") == 204
    assert await unfollows(cases, case_id) == 204
    assert await seen(cases, case_id) == []


async def test_of_the_customers_side_the_accounts_own_contacts_follow_and_nobody_else(cases: Harness) -> None:
    await cases.has_caught_up(ContactState.contract.topic)
    case_id, theirs, gone, left = await opened(cases), uuid4(), uuid4(), uuid4()
    others = AN_IS.model_copy(update={"account_id": OTHER})
    away = AN_IS.model_copy(update={"active": False})
    await cases.learn({theirs: others, gone: ContactState, left: away})
    said = set()
    for id in (theirs, gone, left, uuid4()):
        for who in (CUSTOMER, {"role": "engineer"}):
            answer = await cases.post(f"/v1/cases/{case_id}/followers", {"contact_id": str(id)}, **who)
            assert refusal(answer) == (422, "not-of-this-account")
            said.add(answer.text.replace(str(id), "…"))
    assert len(said) == 1
    assert await told(cases) == []


async def test_a_contact_who_cannot_be_known_yet_is_refused_for_now(cases: Harness) -> None:
    """Nobody has read the topic to its end lately."""
    case_id = await opened(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/followers", {"contact_id": str(uuid4())})
    assert (refusal(answer), answer.headers["retry-after"]) == ((503, "people-behind"), "5")


@pytest.mark.parametrize(("roles", "active"), [(["technician"], True), (["reseller"], True), (["engineer"], False)])
async def test_of_us_those_follow_who_read_every_case(cases: Harness, roles: Any, active: bool) -> None:
    case_id, who = await opened(cases), uuid4()
    await cases.learn({who: LAN.model_copy(update={"roles": roles, "active": active})})
    answer = await cases.post(f"/v1/cases/{case_id}/followers", {"person_id": str(who)})
    assert refusal(answer) == (422, "no-such-person")
    assert await seen(cases, case_id) == []


async def test_a_customer_names_none_of_us_and_a_system_and_a_reseller_say_who(cases: Harness) -> None:
    case_id = await opened(cases)
    path = f"/v1/cases/{case_id}/followers"
    for id in (LAN_ID, uuid4()):
        assert refusal(await cases.post(path, {"person_id": str(id)}, **CUSTOMER)) == (422, "no-such-person")
    reseller: dict[str, Any] = {"role": "reseller", "accounts": [ACCOUNT]}
    for who in (CUSTOMER, {**reseller, "person_id": uuid4()}, {"role": "engineer", "person_id": None}):
        assert refusal(await cases.post(path, {}, **who)) == (422, "person-required")
    both = {"person_id": str(LAN_ID), "contact_id": str(AN)}
    assert refusal(await cases.post(path, both)) == (422, "nobody-is-both")
    for role in ("ops", "partner", "integrator", "depot", "technician"):
        assert (await cases.post(path, {}, role=role, accounts=[ACCOUNT])).status_code == 403
    assert (await cases.get(path, role="partner", accounts=[ACCOUNT])).status_code == 403
    await follows(cases, case_id, {"contact_id": str(AN)}, **reseller)
    assert await seen(cases, case_id) == [AN]


async def test_one_who_has_left_and_whose_token_lives_on_follows_nothing(cases: Harness) -> None:
    case_id = await opened(cases)
    await cases.learn({LAN_ID: LAN.model_copy(update={"active": False})}, version=2)
    assert refusal(await cases.post(f"/v1/cases/{case_id}/followers")) == (422, "no-such-person")
    await cases.learn({AN: AN_IS.model_copy(update={"active": False})}, version=2)
    answer = await cases.post(f"/v1/cases/{case_id}/followers", **BE_AN)
    assert refusal(answer) == (422, "not-of-this-account")


async def test_a_case_that_is_over_begins_nothing_new_and_lets_go(cases: Harness) -> None:
    case_id = await opened(cases)
    await follows(cases, case_id)
    await did(cases, case_id, "cancel", {"reason": "by mistake"})
    await did(cases, case_id, "cancellation", {"decision": "accept", "reason": "nothing is under way"})
    answer = await cases.post(f"/v1/cases/{case_id}/followers", {"contact_id": str(AN)})
    assert refusal(answer) == (422, "case-closed-to-commands")
    assert await unfollows(cases, case_id) == 204
    assert await seen(cases, case_id) == []


async def test_the_list_and_a_view_find_what_somebody_follows(cases: Harness) -> None:
    mine, ans, _ = [await opened(cases, serial=f"SN-{n}") for n in range(3)]
    await follows(cases, mine)
    await follows(cases, mine, {"contact_id": str(AN)})
    await follows(cases, ans, **BE_AN)

    async def found(query: str, **who: Any) -> set[UUID]:
        answer = await cases.get(f"/v1/cases?{query}", **who)
        assert answer.status_code == 200, answer.text
        return {UUID(each["id"]) for each in answer.json()["items"]}

    assert await found("following=me") == {mine}
    assert await found("following=me&state=resolved") == set()
    assert await found("following=me", **BE_AN) == await found(f"following={AN}") == {mine, ans}
    assert await found(f"following={LAN_ID}", **CUSTOMER) == set(), "who of us follows is no customer's business"
    assert await found("following=me", **{**STRANGER, "person_id": AN}) == set(), "of another account by now"
    system = await cases.get("/v1/cases?following=me", role="ops", person_id=None)
    assert refusal(system) == (422, "person-required")
    view = {"name": "Followed", "query": "following=me&open=true"}
    assert (await cases.post("/v1/views", view)).status_code == 201
    assert await found(view["query"]) == {mine}


async def test_the_survivor_of_a_merge_takes_the_followers(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await opened(cases)
    for each in (survivor, case_id):
        await follows(cases, each)
    for body in ({"person_id": str(MEI)}, {"contact_id": str(AN)}):
        await follows(cases, case_id, body)
    before = len(await told(cases))
    await merged(cases, case_id, survivor)

    assert await seen(cases, case_id) == []
    assert set(await seen(cases, survivor)) == {LAN_ID, MEI, AN}
    of = {(case, reason): ({*added}, {*removed}) for case, reason, added, removed in (await told(cases))[before:]}
    assert of.keys() == {(case_id, "merged"), (survivor, "merged")}
    [came] = [each for each in await cases.events(FollowersChanged) if each.case_id == survivor]
    assert (came.added, came.removed, came.by_role) == ([AN], [], "engineer")
    assert [each.added for each in await cases.events(InternalFollowersChanged) if each.case_id == survivor][1:] == [
        [MEI]
    ]


async def test_who_may_read_neither_of_two_merged_cases_is_left_behind(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await opened(cases)
    await follows(cases, case_id, {"contact_id": str(AN)})
    await follows(cases, case_id, {"person_id": str(MEI)})
    await cases.learn({AN: ContactState}, version=2)  # the timers that part with them have not fired yet
    await merged(cases, case_id, survivor)
    await cases.fire_timers()
    assert (await seen(cases, survivor), await seen(cases, case_id)) == ([MEI], [])


@pytest.mark.promise("S1")
async def test_who_had_a_p1_when_the_shift_ended_follows_it(cases: Harness) -> None:
    await two_shifts(cases)
    p1, p2 = await in_progress(cases), await in_progress(cases, serial="SN-2", severity="major")
    await to(cases, 12.1)
    assert (await seen(cases, p1), await seen(cases, p2)) == ([LAN_ID], [])
    assert await told(cases) == [(p1, "shift_ended", [LAN_ID], [])]
    [follower] = (await cases.get(f"/v1/cases/{p1}/followers")).json()["items"]
    assert follower["by"] == "system:cases"


async def test_who_has_left_follows_no_case_when_the_shift_ends(cases: Harness) -> None:
    await two_shifts(cases)
    p1 = await in_progress(cases)
    await cases.learn({LAN_ID: LAN.model_copy(update={"active": False})}, version=2)
    await to(cases, 12.1)
    assert (await seen(cases, p1), await told(cases)) == ([], [])


HERE: dict[str, Any] = {"person_id": str(MEI)}
GONE: dict[str, tuple[UUID, Any]] = {
    "a person who left": (MEI, MEI_IS.model_copy(update={"active": False})),
    "a person without such a role": (MEI, MEI_IS.model_copy(update={"roles": ["technician"]})),
    "a person who is forgotten": (MEI, PersonState),
    "a contact who left": (AN, AN_IS.model_copy(update={"active": False})),
    "a contact of another account": (AN, AN_IS.model_copy(update={"account_id": OTHER})),
    "a contact who is forgotten": (AN, ContactState),
}


@pytest.mark.parametrize("who", GONE)
async def test_who_may_read_the_case_no_more_follows_it_no_more(cases: Harness, who: str) -> None:
    id, state = GONE[who]
    open_, over = await opened(cases), await opened(cases, serial="SN-2")
    for case_id in (open_, over):
        for body in (HERE, {"contact_id": str(AN)}, {}):
            await follows(cases, case_id, body)
    await did(cases, over, "cancel", {"reason": "by mistake"})
    before = len(await told(cases))
    await cases.learn({id: state}, version=2)
    await cases.fire_timers()

    for case_id in (open_, over):
        assert {*await seen(cases, case_id)} == {LAN_ID, MEI, AN} - {id}
    assert sorted((await told(cases))[before:]) == sorted((case, "gone", [], [id]) for case in (open_, over))


async def test_a_new_name_changes_nothing_of_what_somebody_follows(cases: Harness) -> None:
    case_id = await opened(cases)
    for body in (HERE, {"contact_id": str(AN)}):
        await follows(cases, case_id, body)
    before = await told(cases)
    await cases.learn({MEI: MEI_IS.model_copy(update={"name": "Mei Lin"}), AN: AN_IS}, version=2)
    await cases.fire_timers()
    assert (await seen(cases, case_id), await told(cases)) == ([MEI, AN], before)


@pytest.mark.parametrize("first", ["the fact", "null"])
async def test_of_who_is_erased_nothing_is_left_whichever_comes_first(cases: Harness, first: str) -> None:
    case_id = await opened(cases)
    for body in (HERE, {"contact_id": str(AN)}):
        await follows(cases, case_id, body)
    facts = [person_erased(MEI), erased(AN, ACCOUNT)]
    nulls: dict[UUID, type[State]] = {MEI: PersonState, AN: ContactState}
    if first == "null":
        await cases.learn(nulls, version=2)
    await cases.deliver(*facts)
    await cases.learn(nulls, version=2)
    await cases.fire_timers()

    assert await seen(cases, case_id) == []
    async with cases.transaction() as tx:
        assert await tx.select(Follower) == []
    assert sorted(removed for *_, removed in (await told(cases))[2:]) == sorted([[MEI], [AN]])


async def test_who_leaves_while_they_are_added_is_found_all_the_same(cases: Harness) -> None:
    """Whichever of the two is first: nobody follows who has left."""
    for n in range(8):
        case_id = await opened(cases, serial=f"SN-{n}")
        who = uuid4()
        await cases.learn({who: MEI_IS})
        left = MEI_IS.model_copy(update={"active": False})
        await asyncio.gather(
            cases.post(f"/v1/cases/{case_id}/followers", {"person_id": str(who)}),
            cases.learn({who: left}, version=2),
        )
        await cases.fire_timers()
        assert await seen(cases, case_id) == []


async def test_a_repeated_command_with_its_key_does_nothing_again(cases: Harness) -> None:
    case_id = await opened(cases)
    path = f"/v1/cases/{case_id}/followers"
    first = await cases.post(path, {}, key="k")
    assert await unfollows(cases, case_id) == 204
    again = await cases.post(path, {}, key="k")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert await seen(cases, case_id) == []


async def test_whether_contacts_of_before_are_there_still_is_read_once_more(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "cases", prefix="before_followers_")
    await migrate("cases", made.owner_url, "0028")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    rows = [(AN, 7, False, ACCOUNT), (MEI, ERASED, True, None)]
    await owner.executemany(
        "INSERT INTO contacts (id, version, revision, gone, account_id) VALUES ($1, $2, 0, $3, $4)", rows
    )
    topics = [("cases", ContactState.contract.topic, 0, 40), ("cases", PersonState.contract.topic, 0, 50)]
    await owner.executemany(
        "INSERT INTO consumer_offsets (consumer, topic, partition, next) VALUES ($1, $2, $3, $4)", topics
    )
    await migrate("cases", made.owner_url)
    offsets = {row["topic"]: row["next"] for row in await owner.fetch("SELECT * FROM consumer_offsets")}
    versions = {row["id"]: row["version"] for row in await owner.fetch("SELECT * FROM contacts")}
    await owner.close()
    assert offsets == {ContactState.contract.topic: 0, PersonState.contract.topic: 50}
    assert versions == {AN: 0, MEI: ERASED}, "who is forgotten stays so"


async def test_pages_go_on_where_they_stopped(cases: Harness) -> None:
    case_id, ids = await opened(cases), [uuid4() for _ in range(5)]
    await cases.learn(dict.fromkeys(ids, MEI_IS))
    for id in ids:
        await follows(cases, case_id, {"person_id": str(id)})
        await cases.advance(timedelta(seconds=1))
    found, cursor = list[str](), ""
    for _ in range(3):
        page = (await cases.get(f"/v1/cases/{case_id}/followers?limit=2{cursor}")).json()
        found += [each["person"]["id"] for each in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [str(id) for id in ids]
