"""Finds the expert who knows what the case needs, from anywhere in the company, and invites them (S23)."""

from uuid import UUID

from libs.events.escalation import ExpertEngaged
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import Engagement, Escalation
from services.escalation.model.expert import Expert, NoExpertAvailable, Skills, by_fitness, skills_for
from services.escalation.queries.access import COMMANDS
from services.escalation.queries.escalations import EscalationDetail, detail, escalation_for
from services.escalation.queries.experts import name_of, people_of, who_is_away

router = Router(tags=["escalations"])


class EngageExpert(Command):
    """One expert by id; else the best one who can be asked now, for these skills or for those the case calls for."""

    expert_id: UUID | None = None
    skills: Skills | None = None
    reason: Text


async def engage_expert(escalation: Escalation, cmd: EngageExpert, by: str, tx: Transaction) -> None:
    """The expert is locked, so that nobody carries more than they can under any concurrency.

    Raises NotFound, NoExpertAvailable, EngagedAlready.
    """
    needed = cmd.skills or skills_for(await CaseFile.get(escalation.case_id, tx))
    expert = await Expert.get(cmd.expert_id, tx, lock=True) if cmd.expert_id else await _best(escalation, needed, tx)
    skills = sorted(expert.skills.named() & needed.named()) or sorted(expert.skills.named())
    place = Engagement(
        expert_id=expert.id, person_id=expert.person_id, skills=skills, reason=cmd.reason, by=by, at=tx.now
    )
    escalation.engage(place)
    expert.engage(tx.now, await who_is_away([expert], tx, tx.now))
    tx.emit(
        ExpertEngaged(
            **escalation.ids,
            expert_id=expert.id,
            person_id=expert.person_id,
            skills=skills,
            reason=cmd.reason,
            by=by,
            engaged_at=tx.now,
        )
    )


async def _best(escalation: Escalation, needed: Skills, tx: Transaction) -> Expert:
    invited = {each.expert_id for each in escalation.experts}
    known = await tx.select(Expert, Expert.c.active, lock=True)
    away = await who_is_away(known, tx, tx.now)
    fitting = by_fitness([expert for expert in known if expert.id not in invited], needed, tx.now, away)
    if not fitting or fitting[0].unavailable(tx.now, away):
        who = await people_of(fitting, tx)
        raise NoExpertAvailable(
            "No expert with any of these skills can be asked now.",
            skills=sorted(needed.named()),
            candidates=[
                {"id": str(e.id), "name": name_of(e, who), "reason": e.unavailable(tx.now, away)} for e in fitting
            ],
        )
    return fitting[0]


@router.post("/v1/escalations/{escalation_id}/engage-expert", dependencies=[allow(*COMMANDS.roles("engage_expert"))])
async def engage_expert_route(escalation_id: UUID, cmd: EngageExpert, tx: Tx, caller: Caller) -> EscalationDetail:
    """Invites an expert: the one named, or the best who can be asked now."""
    asked = await escalation_for(caller, escalation_id, tx, "engage_expert")
    await engage_expert(asked.escalation, cmd, caller.scope.actor, tx)
    return await detail(asked, caller, tx)
