"""The business days that a case's customer keeps: what closes and reminds counts them."""

from libs.kit.calendar import Calendar, calendar
from libs.kit.calendar_data import usual_calendar
from services.cases.model.case import Case
from services.cases.model.policy import HOME, CasesPolicy


def business_days(case: Case, policy: CasesPolicy) -> Calendar:
    """Those of the country and region of the site, on its clock, unless the policy has a calendar; weekdays in Ho Chi Minh City until
    the country is known."""
    if policy.business_calendar:
        return calendar(policy.business_calendar)
    if case.country is None:
        return calendar(HOME)
    cover = case.coverage
    return calendar(usual_calendar(case.country, cover.region, cover.time_zone or HOME.time_zone))
