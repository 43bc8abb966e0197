"""entitlements: who is covered for what, wired."""

from libs.events.entitlements import CalendarState, ContactState, RegistrationState, SiteDaysState, SiteState
from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.entitlements.handlers import on, projections, timers
from services.entitlements.model.policy import policies
from services.entitlements.queries import accounts, calendars, contracts, coverage, registrations
from services.entitlements.queries.open_work import cases_decided_with
from services.entitlements.reactions.decide_coverage import decide_soon
from services.entitlements.use_cases import (
    cancel_contract,
    change_registration,
    create_contract,
    erase_contact,
    issue_licence,
    keep_accounts,
    keep_calendars,
    keep_contacts,
    keep_onsite_rules,
    keep_products,
    keep_resellers,
    keep_sites,
    register_product,
    register_products,
    renew_contract,
    take_accounts,
    take_contacts,
    take_contracts,
    take_leave,
    take_sites,
    transfer_registration,
    withdraw_registration,
)

_ROOMS = (
    accounts,
    calendars,
    contracts,
    registrations,
    coverage,
    keep_accounts,
    keep_calendars,
    keep_sites,
    keep_contacts,
    take_accounts,
    take_sites,
    take_contacts,
    take_contracts,
    take_leave,
    erase_contact,
    keep_products,
    keep_resellers,
    keep_onsite_rules,
    create_contract,
    renew_contract,
    cancel_contract,
    register_product,
    register_products,
    change_registration,
    transfer_registration,
    withdraw_registration,
    issue_licence,
)

service = Service(
    name="entitlements",
    routers=[*(room.router for room in _ROOMS), policy_router(policies, changed=decide_soon)],
    handlers=on,
    timers=timers,
    projections=projections,
    states=(RegistrationState, ContactState, SiteState, CalendarState, SiteDaysState),
    open_work={"contact": cases_decided_with},
)
