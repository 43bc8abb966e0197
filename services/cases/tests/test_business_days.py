"""What closes by business days counts those that the customer's country keeps."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest

from services.cases.tests.builders import coverage, in_progress, shown
from services.cases.tests.builders import did as does
from tests.support.harness import Harness

WEEKEND = {"DE": {5, 6}, "SA": {4, 5}, "VN": {5, 6}}


def fifth_business_day(after: date, country: str, region: str | None) -> date:
    free, left = holidays.country_holidays(country, subdiv=region), 5
    while left:
        after += timedelta(days=1)
        left -= after.weekday() not in WEEKEND[country] and after not in free
    return after


@pytest.mark.parametrize(
    ("country", "region", "zone"),
    [("DE", "BY", "Europe/Berlin"), ("SA", None, "Asia/Riyadh"), ("VN", None, "Asia/Ho_Chi_Minh")],
)
async def test_a_resolved_case_closes_after_business_days_of_its_country(
    cases: Harness, country: str, region: str | None, zone: str
) -> None:
    case_id = await in_progress(cases)
    decided = coverage(case_id)
    assert decided.site
    place = {"country": country, "region": region, "time_zone": zone}
    await cases.deliver(decided.model_copy(update={"site": decided.site.model_copy(update=place)}))
    await does(cases, case_id, "resolve", {"resolution": "replaced the camera"})

    case, local = await shown(cases, case_id), ZoneInfo(zone)
    resolved_on = datetime.fromisoformat(case["history"][-1]["at"]).astimezone(local).date()
    closes = datetime.fromisoformat(case["closes_at"]).astimezone(local)
    expected = fifth_business_day(resolved_on, country, region) + timedelta(days=1)
    assert (closes.date(), closes.hour) == (expected, 0)
