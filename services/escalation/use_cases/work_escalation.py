"""Taking an escalation up, and handing it over (S23)."""

from uuid import UUID

from libs.events.escalation import EscalationAcknowledged, EscalationHandedOver
from libs.kit.auth import Principal
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import must_be_here
from libs.store import Transaction
from services.escalation.model.escalation import STEP, UNANSWERED, Escalation
from services.escalation.model.known_person import KnownPerson
from services.escalation.queries.access import COMMANDS
from services.escalation.queries.escalations import EscalationDetail, detail, escalation_for
from services.escalation.queries.our_people import must_be_ours
from services.escalation.reactions.step_on import watch_for_silence

router = Router(tags=["escalations"])


class AcknowledgeEscalation(Command):
    note: Text | None = None


class HandOverEscalation(Command):
    person_id: UUID
    note: Text


async def acknowledge_escalation(
    escalation: Escalation, cmd: AcknowledgeEscalation, caller: Principal, tx: Transaction
) -> None:
    by = caller.actor
    escalation.acknowledge(by, tx.now, cmd.note, person_id=caller.person_id)
    if escalation.state == "acknowledged":
        for timer in (STEP, UNANSWERED):
            tx.cancel_timer(escalation, timer)
        watch_for_silence(escalation, tx)
    tx.emit(
        EscalationAcknowledged(
            **escalation.ids,
            step=escalation.step,
            still_wanted=0 if escalation.state == "acknowledged" else escalation.still_wanted,
            by=by,
            acknowledged_at=tx.now,
        )
    )


async def hand_over_escalation(escalation: Escalation, cmd: HandOverEscalation, by: str, tx: Transaction) -> None:
    previous = escalation.hand_over(cmd.person_id, cmd.note, by, tx.now)
    watch_for_silence(escalation, tx)
    tx.emit(
        EscalationHandedOver(
            **escalation.ids,
            person_id=cmd.person_id,
            previous_person_id=previous,
            note=cmd.note,
            by=by,
            handed_over_at=tx.now,
        )
    )


@router.post("/v1/escalations/{escalation_id}/acknowledge", dependencies=[allow(*COMMANDS.roles("acknowledge"))])
async def acknowledge_escalation_route(
    escalation_id: UUID, cmd: AcknowledgeEscalation, tx: Tx, caller: Caller
) -> EscalationDetail:
    """The caller takes it up; a step that wants several is silent after the last of them. A system's word counts as a person's, and then no
    person answers for it."""
    await must_be_here(KnownPerson, caller.person_id, tx)
    asked = await escalation_for(caller, escalation_id, tx, "acknowledge")
    await acknowledge_escalation(asked.escalation, cmd, caller, tx)
    return await detail(asked, caller, tx)


@router.post("/v1/escalations/{escalation_id}/hand-over", dependencies=[allow(*COMMANDS.roles("hand_over"))])
async def hand_over_escalation_route(
    escalation_id: UUID, cmd: HandOverEscalation, tx: Tx, caller: Caller
) -> EscalationDetail:
    """Another person answers for it from now on."""
    await must_be_ours([cmd.person_id], tx)
    asked = await escalation_for(caller, escalation_id, tx, "hand_over")
    await hand_over_escalation(asked.escalation, cmd, caller.scope.actor, tx)
    return await detail(asked, caller, tx)
