"""Calendars of countries and regions, and a site's own closed days: kept here, told to all who plan by them."""

from typing import Any

import pytest

from libs.events.entitlements import CalendarState, SiteDaysState
from libs.store.ids import new_id
from services.entitlements.tests.before import Before
from services.entitlements.tests.builders import HOURS, a_customer
from services.entitlements.tests.test_people import told
from tests.support.harness import Harness

WEEK = {"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "24:00"}
VIETNAM = {
    "name": "Vietnam",
    "country": "VN",
    "data": {"time_zone": "Asia/Ho_Chi_Minh", "holidays_country": "VN", "windows": [WEEK]},
}
FLOOD = {"date": "2027-02-16", "name": "Lũ lụt"}


async def a_calendar(h: Harness, **other: Any) -> dict[str, Any]:
    answer = await h.post("/v1/calendars", VIETNAM | other, role="manager")
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.promise("S3")
async def test_a_countrys_calendar_is_told_as_it_is_now(entitlements: Harness) -> None:
    made = await a_calendar(entitlements)
    data = VIETNAM["data"] | {"closed": [FLOOD]}  # type: ignore[operator]
    path = f"/v1/calendars/{made['id']}"
    changed = await entitlements.patch(path, {"data": data, "why": "a flood"}, etag='"0"', role="manager")
    assert (changed.status_code, changed.json()["edited_because"]) == (200, "a flood")
    [(id, account, version, state)] = await told(entitlements, CalendarState)
    assert (str(id), account, version) == (made["id"], None, 2)
    assert state.model_dump(mode="json") == {
        "country": "VN",
        "region": None,
        "windows": [WEEK],
        "holidays_country": "VN",
        "holidays_subdivision": None,
        "closed": [FLOOD],
        "working": [],
    }
    listed = (await entitlements.get("/v1/calendars?country=VN&q=viet", role="depot")).json()["items"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert (await entitlements.get(path, role="engineer")).json()["data"]["closed"] == [FLOOD]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"name": "Another"}, (409, "calendar-in-use")),
        ({"country": "SG"}, (409, "there-already")),
        ({"country": None}, (422, "invalid-request")),
        ({"data": {**VIETNAM["data"], "time_zone": "Asia/Nowhere"}}, (422, "invalid-request")),  # type: ignore[dict-item]
    ],
    ids=["of a country that has one", "under a name in use", "of no country", "of no zone"],
)
async def test_a_calendar_that_cannot_be_is_refused(
    entitlements: Harness, other: dict[str, Any], problem: tuple[int, str]
) -> None:
    await a_calendar(entitlements)
    answer = await entitlements.post("/v1/calendars", VIETNAM | other, role="manager")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2].rpartition("/")[2]) == problem
    assert len(await told(entitlements, CalendarState)) == 1


async def test_a_calendar_is_a_managers_and_is_not_edited_over_somebody_elses_edit(entitlements: Harness) -> None:
    made = await a_calendar(entitlements)
    path, body = f"/v1/calendars/{made['id']}", {"data": VIETNAM["data"], "why": "just so"}
    assert (await entitlements.post("/v1/calendars", VIETNAM, role="engineer")).status_code == 403
    assert (await entitlements.patch(path, body, etag='"0"', role="engineer")).status_code == 403
    assert (await entitlements.patch(path, body, etag='"9"', role="manager")).status_code == 412
    assert (await entitlements.request("PATCH", path, body, role="manager")).status_code == 428


@pytest.mark.promise("S26")
async def test_a_site_tells_where_it_lies_and_the_days_that_its_own_people_close(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    [(id, account, version, state)] = await told(entitlements, SiteDaysState)
    assert (id, account, version) == (customer.site_id, customer.account_id, 1)
    assert isinstance(state, SiteDaysState)
    assert (state.country, state.time_zone, state.closed) == ("VN", "Asia/Ho_Chi_Minh", [])
    assert [each.model_dump() for each in state.opening_hours] == HOURS

    answer = await entitlements.patch(
        f"/v1/sites/{customer.site_id}",
        {"closed": [FLOOD]},
        etag='"0"',
        role="customer",
        accounts=[customer.account_id],
    )
    assert (answer.status_code, answer.json()["closed"]) == (200, [FLOOD])
    [(_, _, version, state)] = await told(entitlements, SiteDaysState)
    assert (version, state.model_dump(mode="json")["closed"]) == (2, [FLOOD])


async def test_sites_that_were_there_before_are_told_when_the_release_comes(before: Before) -> None:
    account = new_id()
    await before.account(account)
    site = await before.row(
        "sites",
        account_id=account,
        name="Trụ sở",
        address_lines=["1 Lê Lợi"],
        city="Huế",
        region=None,
        postal_code=None,
        country="VN",
        time_zone="Asia/Ho_Chi_Minh",
        opening_hours=HOURS,
        access_notes=None,
        contact_id=None,
        created_at=await before.owner.fetchval("SELECT app_now()"),
    )
    async with before.upgraded() as h:
        [(id, of, _, state)] = await told(h, SiteDaysState)
        assert (id, of) == (site, account)
        assert isinstance(state, SiteDaysState)
        assert (state.city, state.country, state.closed) == ("Huế", "VN", [])
