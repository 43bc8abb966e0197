"""What is announced, whom it concerns, and what a customer makes of it who has the same trouble."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases import CaseOpened
from libs.events.cases_work import AnnouncementUpdated, CaseJoinedIncident, ProblemLinked
from libs.events.entitlements import RegistrationState, SiteState, registration_key
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    OTHER,
    PARTNER,
    STRANGER,
    a_request,
    did,
    opened,
    resolved,
    shown,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal

ENGINEER: dict[str, Any] = {"role": "engineer"}


def an_announcement(**fields: Any) -> dict[str, Any]:
    return {
        "title": {"vi": "Không gọi được", "en": "No calls"},
        "text": {"vi": "Cuộc gọi bị ngắt sau một phút.", "en": "Calls end after a minute."},
        "observed_impact": "down",
        "severity": "critical",
        **fields,
    }


async def announced(h: Harness, **fields: Any) -> UUID:
    answer = await h.post("/v1/announcements", an_announcement(**fields))
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def has(h: Harness, account: UUID, *products: str, family: str | None = None, country: str | None = None) -> None:
    """The account has units of these products, and a site."""
    await h.learn(
        {
            registration_key(each, f"U-{account}"): RegistrationState(
                account_id=account, product_number=each, serial=f"U-{account}", family=family
            )
            for each in products
        }
    )
    if country:
        await h.learn({uuid4(): SiteState(account_id=account, name="Office", address_lines=[], country=country)})


async def read(h: Harness, **how: Any) -> list[str]:
    answer = await h.get("/v1/announcements", **how)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def ids(*announcements: UUID) -> list[str]:
    return [str(each) for each in announcements]


@pytest.mark.parametrize(
    ("about", "theirs", "others"),
    [
        ({}, {}, {}),
        ({"product_numbers": ["X70"]}, {"products": ["X70", "X50"]}, {"products": ["X50"]}),
        ({"families": ["studio"]}, {"products": ["X70"], "family": "studio"}, {"products": ["X70"], "family": "sync"}),
        ({"countries": ["VN"]}, {"country": "VN"}, {"country": "DE"}),
        (
            {"product_numbers": ["X70"], "countries": ["VN", "DE"]},
            {"products": ["X70"], "country": "DE"},
            {"products": ["X70"], "country": "US"},
        ),
        (
            {"product_numbers": ["X70"], "families": ["sync"]},
            {"products": ["X1"], "family": "sync"},
            {"products": ["X1"]},
        ),
    ],
)
async def test_a_customer_reads_what_is_about_something_of_theirs(
    cases: Harness, about: dict[str, Any], theirs: dict[str, Any], others: dict[str, Any]
) -> None:
    id = await announced(cases, **about)
    for account, holdings in ((ACCOUNT, theirs), (OTHER, others)):
        await has(cases, account, *holdings.pop("products", ()), **holdings)

    assert await read(cases, **CUSTOMER) == ids(id)
    assert await read(cases, **STRANGER) == ([] if about else ids(id))
    assert (await cases.get(f"/v1/announcements/{id}", **CUSTOMER)).status_code == 200
    assert (await cases.get(f"/v1/announcements/{id}", **STRANGER)).status_code == (404 if about else 200)
    assert await read(cases) == ids(id)


async def test_a_cloud_partner_reads_what_names_it_and_what_concerns_its_accounts(cases: Harness) -> None:
    named = await announced(cases, partner_ids=[str(PARTNER)], countries=["DE"])
    await announced(cases, partner_ids=[str(uuid4())], countries=["DE"])

    assert await read(cases, role="partner", partner_id=PARTNER) == ids(named)
    assert await read(cases, role="partner", partner_id=uuid4()) == []


async def test_a_unit_that_is_no_longer_the_accounts_concerns_it_no_more(cases: Harness) -> None:
    await announced(cases, product_numbers=["X70"])
    await has(cases, ACCOUNT, "X70")
    await cases.learn({registration_key("X70", f"U-{ACCOUNT}"): RegistrationState}, version=2)

    assert await read(cases, **CUSTOMER) == []


async def test_an_announcement_is_shown_from_its_beginning_until_its_end(cases: Harness) -> None:
    now = await cases.now()
    times = {"starts_at": at(now, 1), "ends_at": at(now, 2)}
    id = await announced(cases, **times)

    assert await read(cases, **CUSTOMER) == []
    assert await read(cases) == ids(id)
    await cases.advance(timedelta(hours=1))
    assert await read(cases, **CUSTOMER) == ids(id)
    for role, found in (("engineer", ids(id)), ("customer", ids(id))):
        how = CUSTOMER if role == "customer" else ENGINEER
        answer = await cases.get("/v1/announcements?in_force=true", **how)
        assert [each["id"] for each in answer.json()["items"]] == found
    await cases.advance(timedelta(hours=1))
    assert await read(cases, **CUSTOMER) == []
    assert (await cases.get("/v1/announcements?in_force=true")).json()["items"] == []


def at(now: datetime, hours: int) -> str:
    return (now + timedelta(hours=hours)).isoformat()


async def test_what_customers_read_names_neither_the_incident_nor_who_wrote_it(cases: Harness) -> None:
    incident = await opened(cases)
    id = await announced(cases, case_id=str(incident))

    [item] = (await cases.get("/v1/announcements", **STRANGER)).json()["items"]
    assert (item["case_id"], item["history"], item["created_by"]) == (None, None, None)
    told = (await cases.get(f"/v1/announcements/{id}")).json()
    assert (told["case_id"], told["history"][0]["what"]) == (str(incident), ["announced"])


async def test_what_is_announced_is_told_with_the_request_that_it_fits(cases: Harness) -> None:
    of_product = await announced(cases, product_numbers=["83z52aa"])
    await announced(cases, product_numbers=["OTHER"])
    of_all = await announced(cases, countries=["VN"])
    await has(cases, ACCOUNT, "OTHER", country="VN")
    told = (await cases.post("/v1/cases", a_request(), **CUSTOMER)).json()["announcements"]

    assert {each["id"] for each in told} == {str(of_product), str(of_all)}
    assert all("case_id" not in each for each in told)
    for_caller = await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT)))
    assert {each["id"] for each in for_caller.json()["announcements"]} == {str(of_product), str(of_all)}
    of_none = a_request(no_product_reason="all rooms") | {"product_number": None, "serial": None}
    told = (await cases.post("/v1/cases", of_none, **CUSTOMER)).json()["announcements"]
    assert len(told) == 2, "of no unit: of what the account has"


async def test_a_family_is_told_with_a_request_about_a_unit_of_it(cases: Harness) -> None:
    id = await announced(cases, families=["studio"])
    await has(cases, ACCOUNT, "83Z52AA", family="studio")
    await has(cases, ACCOUNT, "X1", family="sync")
    for product, found in (("83Z52AA", ids(id)), ("X1", [])):
        told = await cases.post("/v1/cases", a_request(product_number=product), **CUSTOMER)
        assert [each["id"] for each in told.json()["announcements"]] == found


async def test_mine_too_opens_a_case_from_the_text_of_the_announcement(cases: Harness) -> None:
    incident = await opened(cases)
    problem = (await cases.post("/v1/problems", {"symptom": "calls end after a minute"})).json()["id"]
    id = await announced(cases, case_id=str(incident), problem_id=problem)
    mine = {"language": "vi", "product_number": "83Z52AA", "serial": "SN-7", "more": "Phòng 4."}
    answer = await cases.post(f"/v1/announcements/{id}/mine", mine, **STRANGER)

    assert answer.status_code == 201, answer.text
    case = answer.json()
    assert case["description"] == "Không gọi được\n\nCuộc gọi bị ngắt sau một phút.\n\nPhòng 4."
    assert (case["severity"], case["observed_impact"], case["language"]) == ("critical", "down", "vi")
    assert (case["account_id"], case["serial"], case["problem_id"]) == (str(OTHER), "SN-7", problem)
    assert answer.headers["location"] == f"/v1/cases/{case['id']}"
    assert [str(each.case_id) for each in await cases.events(ProblemLinked)] == [case["id"]]
    await cases.fire_timers()

    assert (await shown(cases, UUID(case["id"])))["incident_id"] == str(incident)
    [joined] = await cases.events(CaseJoinedIncident)
    assert (joined.announcement_id, joined.incident_id, joined.by_role) == (id, incident, "system")
    for path in (f"/v1/cases/{case['id']}", "/v1/announcements"):
        assert str(incident) not in (await cases.get(path, **STRANGER)).text
    assert [each.parent_id for each in await cases.events(CaseOpened)] == [None, None]


async def test_the_same_key_says_mine_too_once(cases: Harness) -> None:
    path = f"/v1/announcements/{await announced(cases)}/mine"
    body = {"language": "en", "no_product_reason": "all rooms", "severity": "minor"}
    first, again = [await cases.post(path, body, key="k", **CUSTOMER) for _ in range(2)]

    assert first.content == again.content
    assert [each.severity for each in await cases.events(CaseOpened)] == ["minor"]


async def test_a_case_whose_incident_is_over_by_then_stands_alone(cases: Harness) -> None:
    incident = await resolved(cases)
    id = await announced(cases, case_id=str(incident))
    await did(cases, incident, "close")
    body = {"language": "en", "no_product_reason": "all rooms"}
    case = (await cases.post(f"/v1/announcements/{id}/mine", body, **STRANGER)).json()
    await cases.fire_timers()

    assert (await shown(cases, UUID(case["id"])))["incident_id"] is None


async def test_a_case_joins_once_whoever_holds_the_incident_lets_go(cases: Harness) -> None:
    incident = await opened(cases)
    id = await announced(cases, case_id=str(incident))
    body = {"language": "en", "no_product_reason": "all rooms"}
    async with cases.database.pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT set_config('polyplus.scope', 'worker', true)")
        await holder.execute("SELECT FROM cases WHERE id = $1 FOR UPDATE", incident)
        case = UUID((await cases.post(f"/v1/announcements/{id}/mine", body, **STRANGER)).json()["id"])
        assert await cases.service.timers.fire_due(cases.database) == 1
        assert await cases.events(CaseJoinedIncident) == []
    await cases.advance(timedelta(seconds=3))

    assert [each.case_id for each in await cases.events(CaseJoinedIncident)] == [case]


async def test_nobody_says_mine_too_of_what_is_over_or_does_not_concern_them(cases: Harness) -> None:
    id = await announced(cases)
    path, body = f"/v1/announcements/{id}", {"language": "en", "no_product_reason": "all", "account_id": str(ACCOUNT)}
    assert (await did_end(cases, id))["ends_at"]

    assert refusal(await cases.post(f"{path}/mine", body, **CUSTOMER)) == (404, "missing")
    assert refusal(await cases.post(f"{path}/mine", body)) == (409, "announcement-over")
    assert refusal(await cases.post(f"{path}/end", {"reason": "again"})) == (409, "announcement-over")
    elsewhere = await announced(cases, countries=["DE"])
    assert refusal(await cases.post(f"/v1/announcements/{elsewhere}/mine", body, **CUSTOMER)) == (404, "missing")
    current = await announced(cases)
    wrong = await cases.post(f"/v1/announcements/{current}/mine", {"language": "en"}, **CUSTOMER)
    assert refusal(wrong) == (422, "give product_number and serial, or no_product_reason")
    assert await cases.events(CaseOpened) == []


async def did_end(h: Harness, id: UUID) -> dict[str, Any]:
    answer = await h.post(f"/v1/announcements/{id}/end", {"reason": "the service is back"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_each_change_of_an_announcement_is_told_and_kept(cases: Harness) -> None:
    id = await announced(cases, product_numbers=["x70"])
    etag = (await cases.get(f"/v1/announcements/{id}")).headers["etag"]
    answer = await cases.patch(f"/v1/announcements/{id}", {"countries": ["VN"]}, etag=etag)
    assert answer.status_code == 200, answer.text
    await did_end(cases, id)

    told = await cases.events(AnnouncementUpdated)
    assert [(each.product_numbers, each.countries, each.ends_at is None) for each in told] == [
        (["X70"], [], True),
        (["X70"], ["VN"], True),
        (["X70"], ["VN"], False),
    ]
    assert AnnouncementUpdated.contract.visibility == "internal"
    history = (await cases.get(f"/v1/announcements/{id}")).json()["history"]
    assert [(each["what"], each["reason"]) for each in history] == [
        (["announced"], None),
        (["countries"], None),
        (["ends_at"], "the service is back"),
    ]


async def test_who_announces_what_cannot_be_is_refused(cases: Harness) -> None:
    closed = await resolved(cases)
    await did(cases, closed, "close")
    now = await cases.now()
    for wrong, why in (
        ({"problem_id": str(uuid4())}, "no-such-problem"),
        ({"case_id": str(closed)}, "no-such-incident"),
        ({"case_id": str(uuid4())}, "no-such-incident"),
        ({"starts_at": at(now, 2), "ends_at": at(now, 1)}, "ends-before-it-begins"),
        ({"title": {"en": "No calls"}}, "/title/vi"),
        ({"countries": ["XX"]}, "/countries/0"),
    ):
        assert refusal(await cases.post("/v1/announcements", an_announcement(**wrong))) == (422, why)
    for role in ("customer", "reseller", "partner", "ops"):
        how = {"role": role, "accounts": [] if role == "ops" else [ACCOUNT]}
        assert (await cases.post("/v1/announcements", an_announcement(), **how)).status_code == 403
    id = await announced(cases)
    etag = (await cases.get(f"/v1/announcements/{id}")).headers["etag"]
    assert refusal(await cases.patch(f"/v1/announcements/{id}", {"case_id": str(closed)}, etag=etag)) == (
        422,
        "no-such-incident",
    )
    assert len(await cases.events(AnnouncementUpdated)) == 1
