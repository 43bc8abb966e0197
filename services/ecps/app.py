"""ecps: ecosystem cloud partner support, wired."""

from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.ecps.handlers import jobs, on, projections, timers
from services.ecps.model.policy import policies
from services.ecps.queries import engagements, joint_calls, partners
from services.ecps.use_cases import join_calls, keep_agreements, keep_partners, receive_notices, tell_partner, withdraw

_ROOMS = (
    partners, engagements, joint_calls, keep_partners, keep_agreements, receive_notices, tell_partner, withdraw,
    join_calls,
)  # fmt: skip

service = Service(
    name="ecps",
    routers=[*(room.router for room in _ROOMS), policy_router(policies)],
    handlers=on,
    timers=timers,
    jobs=jobs,
    projections=projections,
)
