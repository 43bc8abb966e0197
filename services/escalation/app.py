"""The wiring of escalation."""

from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.escalation.handlers import on, projections, replicas, timers
from services.escalation.model.settings import policies
from services.escalation.queries import (
    absences,
    clocks,
    desk_members,
    escalation_policies,
    escalations,
    experts,
    on_call,
    people,
    proposals,
)
from services.escalation.queries.open_work import open_with
from services.escalation.reactions.recompute import recompute_cases
from services.escalation.use_cases import (
    dry_run,
    engage_expert,
    keep_absences,
    keep_desk,
    keep_experts,
    keep_overrides,
    keep_policies,
    keep_rotas,
    keep_teams,
    request_escalation,
    resolve_escalation,
    swap_turns,
    work_escalation,
)

service = Service(
    name="escalation",
    routers=[
        clocks.router,
        escalations.router,
        people.router,
        on_call.router,
        absences.router,
        desk_members.router,
        proposals.router,
        experts.router,
        escalation_policies.router,
        policy_router(policies, changed=recompute_cases),
        request_escalation.router,
        work_escalation.router,
        engage_expert.router,
        resolve_escalation.router,
        keep_policies.router,
        keep_teams.router,
        keep_rotas.router,
        keep_overrides.router,
        swap_turns.router,
        keep_absences.router,
        keep_desk.router,
        keep_experts.router,
        dry_run.router,
    ],
    handlers=on,
    timers=timers,
    projections=projections,
    replicas=replicas,
    open_work={"person": open_with},
)
