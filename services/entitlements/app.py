"""The wiring of entitlements."""

from libs.events.entitlements import RegistrationState
from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.entitlements.handlers import on, projections, timers
from services.entitlements.model.case_file import decide_soon
from services.entitlements.model.policy import policies
from services.entitlements.queries import accounts, contracts, coverage, registrations
from services.entitlements.use_cases import (
    change_contract,
    issue_licence,
    keep_accounts,
    keep_contacts,
    keep_onsite_rules,
    keep_products,
    keep_resellers,
    keep_sites,
    move_registration,
    register_products,
    write_contract,
)

ROOMS = (
    accounts, contracts, registrations, coverage, keep_accounts, keep_sites, keep_contacts, keep_products, keep_resellers,
    keep_onsite_rules, write_contract, change_contract, register_products, move_registration, issue_licence,
)  # fmt: skip

service = Service(
    name="entitlements",
    routers=[*(room.router for room in ROOMS), policy_router(policies, changed=decide_soon)],
    handlers=on,
    timers=timers,
    projections=projections,
    state_topics=(RegistrationState.topic,),
)
