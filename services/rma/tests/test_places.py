"""Business days of places: as everybody knows them, as entitlements tells them, and as a site has them closed for itself."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.entitlements import CalendarState, SiteDaysState
from libs.events.rma import DeliveryPromiseChanged
from libs.events.values import NamedDay
from libs.store.ids import new_id
from services.rma.tests.builders import ACCOUNT, OTHER_ACCOUNT, SITE, Case, refused, reserved, seen
from services.rma.tests.network import CAMERA, VN_DAYS, a_network, vietnam
from tests.support.harness import Harness


def days_of_site(*closed: date, **how: Any) -> SiteDaysState:
    said = SITE.model_dump(include={"city", "region", "country", "time_zone", "opening_hours"})
    named = [NamedDay(date=each, name="the firm's anniversary") for each in closed]
    return SiteDaysState.model_validate(said | {"account_id": ACCOUNT, "closed": named} | how)


async def due(rma: Harness, query: str, at: str) -> str:
    path = f"/v1/promises?part_number={CAMERA}&{query}&at={at.replace('+', '%2B')}"
    answer = await rma.get(path)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["contract_due"]
    return found


@pytest.mark.promise("S3")
@pytest.mark.parametrize(
    ("place", "at", "expected"),
    [
        # Friday and Saturday are Egypt's weekend: Wednesday evening counts as Thursday's, due on Sunday.
        ("country=EG&time_zone=Africa/Cairo", "2027-02-03T18:00:00+02:00", "2027-02-07"),
        ("country=EG&time_zone=Africa/Cairo", "2027-02-03T10:00:00+02:00", "2027-02-04"),
        ("country=KW&time_zone=Asia/Kuwait", "2027-02-04T10:00:00+03:00", "2027-02-07"),
        ("country=VN&time_zone=Asia/Ho_Chi_Minh", "2027-02-05T10:00:00+07:00", "2027-02-12"),
        # Easter Monday is England's, not Scotland's.
        ("country=GB&region=England&time_zone=Europe/London", "2027-03-25T10:00:00+00:00", "2027-03-30"),
        ("country=GB&region=GB-SCT&time_zone=Europe/London", "2027-03-25T10:00:00+00:00", "2027-03-29"),
    ],
)
async def test_weekends_and_holidays_are_those_of_the_country_and_region_without_a_calendar(
    rma: Harness, place: str, at: str, expected: str
) -> None:
    await a_network(rma)
    await rma.learn({VN_DAYS: CalendarState}, version=2)
    assert await due(rma, place, at) == expected


async def test_a_regions_calendar_stands_before_the_countrys(rma: Harness) -> None:
    await a_network(rma)
    south = vietnam(region="South", closed=[{"date": "2027-03-02", "name": "Lũ lụt"}])
    await rma.learn({new_id(): south})
    there, at = "country=VN&time_zone=Asia/Ho_Chi_Minh", "2027-03-01T10:00:00+07:00"
    assert await due(rma, there, at) == "2027-03-02"
    assert await due(rma, f"{there}&region=South", at) == "2027-03-03"


@pytest.mark.promise("S3")
async def test_a_sites_closed_day_moves_its_own_promise_and_nobody_elses(rma: Harness) -> None:
    await a_network(rma)
    elsewhere = SITE.model_copy(update={"site_id": new_id(), "revision": 0})
    here, other = Case("here"), Case("other")
    await reserved(rma, here)
    await rma.deliver(other.opened(), other.covered(site=elsewhere), other.diagnosed())
    before = await seen(rma, here.rma_id)
    closed = date.fromisoformat(before["promise"]["promised"])
    await rma.learn({SITE.site_id: days_of_site(closed)})
    await rma.fire_timers()
    [told] = await rma.events(DeliveryPromiseChanged)
    assert (told.rma_id, told.old, told.cause) == (here.rma_id, closed, "a calendar was edited")
    assert "the firm's anniversary at the destination" in [reason.text for reason in told.reasons]
    assert told.contract_due.isoformat() == before["contract_due"]


async def test_the_what_if_knows_a_sites_days_and_shows_them_to_its_account_alone(rma: Harness) -> None:
    await a_network(rma)
    monday = date(2027, 3, 1)
    await rma.learn({SITE.site_id: days_of_site(monday + timedelta(days=1))})
    asked = f"site_id={SITE.site_id}"
    assert await due(rma, asked, "2027-03-01T10:00:00+07:00") == "2027-03-03"

    async def answered(site_id: UUID, account_id: UUID) -> tuple[int, str]:
        path = f"/v1/promises?part_number={CAMERA}&site_id={site_id}"
        answer = await rma.get(path, role="customer", accounts=[account_id])
        return (200, "") if answer.status_code == 200 else refused(answer)

    assert await answered(SITE.site_id, ACCOUNT) == (200, "")
    assert (
        await answered(SITE.site_id, OTHER_ACCOUNT) == await answered(new_id(), ACCOUNT) == (422, "not-of-this-account")
    )
    nowhere = await rma.get(f"/v1/promises?part_number={CAMERA}")
    assert refused(nowhere) == (422, "no-time-zone")
