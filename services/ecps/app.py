"""ecps: ecosystem cloud partner support, wired."""

from libs.events.ecps_calls import JointCallState
from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.ecps.handlers import jobs, on, projections, replicas, timers
from services.ecps.model.policy import policies
from services.ecps.queries import engagements, joint_calls, partners
from services.ecps.queries.open_work import calls_to_come_with, calls_to_come_with_our
from services.ecps.use_cases import (
    cancel_call,
    enter_news,
    keep_agreements,
    keep_partners,
    receive_notice,
    record_call,
    record_no_ticket,
    record_ticket,
    request_call,
    schedule_call,
    tell_partner,
    withdraw_engagement,
)

_ROOMS = (
    partners,
    engagements,
    joint_calls,
    keep_partners,
    keep_agreements,
    receive_notice,
    record_ticket,
    record_no_ticket,
    enter_news,
    tell_partner,
    withdraw_engagement,
    request_call,
    schedule_call,
    record_call,
    cancel_call,
)

service = Service(
    name="ecps",
    routers=[*(room.router for room in _ROOMS), policy_router(policies)],
    handlers=on,
    timers=timers,
    jobs=jobs,
    projections=projections,
    replicas=replicas,
    states=(JointCallState,),
    open_work={"contact": calls_to_come_with, "person": calls_to_come_with_our},
)
