"""Put on record that a joint call was held: its outcome, and who does what (S10)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.ecps_calls import JointCallHeld
from libs.kit.auth import ENGINEERS
from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.ecps.model.joint_call import CallAction, JointCall
from services.ecps.queries.joint_calls import JointCallOut, call_for, known_of, shown
from services.ecps.reactions.forget_people import forget_later

router = Router(tags=["joint calls"])


class Action(CallAction):
    """`owner`: a side (customer, partner, support), an id, or a name; who joined and has an id is kept by that. Events tell sides and ids alone."""

    what: Text
    owner: Line


class RecordCall(Command):
    outcome: Text
    actions: Annotated[list[Action], Field(max_length=50)] = Field(default_factory=list)
    duration_seconds: int | None = Field(None, ge=0, le=86_400)


async def record_call(call: JointCall, cmd: RecordCall, tx: Transaction) -> JointCall:
    """For a locked call, also of a case that has ended. Raises ForbiddenTransition."""
    call.become("held", tx, "held")
    call.outcome, call.duration_seconds = cmd.outcome, cmd.duration_seconds
    call.actions = await _by_ids(cmd.actions, call, tx)
    await forget_later(call, tx)
    tx.emit(
        JointCallHeld(
            **call.facts(),
            outcome=cmd.outcome,
            actions=call.agreed(),
            duration_seconds=call.duration_seconds,
            by=tx.scope.actor,
            held_at=tx.now,
        )
    )
    return call


async def _by_ids(actions: Sequence[CallAction], call: JointCall, tx: Transaction) -> list[CallAction]:
    joined = await known_of([call], tx)
    ids = {each.called.casefold(): str(each.id) for each in joined.values() if each.called}
    return [each.model_copy(update={"owner": ids.get(each.owner.casefold(), each.owner)}) for each in actions]


@router.post("/v1/joint-calls/{call_id}/held", dependencies=[allow(*ENGINEERS)])
async def record_call_route(call_id: UUID, cmd: RecordCall, tx: Tx, caller: Caller) -> JointCallOut:
    """The outcome, and who does what."""
    call = await call_for(caller, call_id, tx, lock=True)
    return await shown(await record_call(call, cmd, tx), caller, tx)
