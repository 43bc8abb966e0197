"""Waits that people set and end: on the customer with a note saying what is needed, or on whatever else holds the case."""

from typing import Self
from uuid import UUID

from pydantic import model_validator

from libs.events.values import Wait as WaitKind
from libs.kit.fields import Reason, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import NotFound, Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import Wait
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, WaitOut, case_out
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.add_note import AddNote, add_note

router = Router(tags=["cases"])


class WaitEndedAlready(Conflict):
    """A wait ends once."""


class AwaitSomething(Command):
    """What the case waits for; a wait on the customer says in `note` what is needed."""

    wait: WaitKind
    note: Text | None = None

    @model_validator(mode="after")
    def _says_what_is_needed(self) -> Self:
        if self.wait == "customer" and self.note is None:
            raise ValueError("a wait on the customer needs a note saying what is needed")
        return self


class EndWait(Command):
    """Why it is no longer waited for."""

    reason: Reason


async def await_something(case: Case, cmd: AwaitSomething, actor: Actor, tx: Transaction) -> Wait:
    """What is asked of the customer is also a public note."""
    if cmd.wait == "customer" and cmd.note:
        await add_note(case, AddNote(text=cmd.note, visibility="public"), actor, tx)
    id = new_id()
    case.begin_wait(id, cmd.wait, since=tx.now, by=actor.by, note=cmd.note)
    await act_on(case, tx, at=tx.now, by=actor.by, reason=cmd.note or f"waits for {cmd.wait}")
    return next(w for w in case.waits if w.id == id)


async def end_wait(case: Case, wait_id: UUID, cmd: EndWait, actor: Actor, tx: Transaction) -> None:
    """For what no fact will end. Raises NotFound and WaitEndedAlready."""
    wait = next((w for w in case.waits if w.id == wait_id), None)
    if wait is None:
        raise NotFound("wait", wait_id)
    if not wait.stands:
        raise WaitEndedAlready("This wait is over already.", state="ended", possible=[])
    case.end_waits([wait], at=tx.now, by=actor.by, reason=cmd.reason)
    await act_on(case, tx, at=tx.now, by=actor.by, reason=cmd.reason)


@router.post("/v1/cases/{case_id}/waits", dependencies=[allow(*COMMANDS.roles("waits"))], status_code=201)
async def await_something_route(case_id: UUID, cmd: AwaitSomething, tx: Tx, caller: Caller) -> WaitOut:
    """Say what the case waits for; it is pending until the last wait ends."""
    actor = await who_acts(caller, tx)
    case = await case_for(caller, case_id, tx, command="waits")
    return WaitOut.model_validate(await await_something(case, cmd, actor, tx))


@router.post("/v1/cases/{case_id}/waits/{wait_id}/end", dependencies=[allow(*COMMANDS.roles("end_wait"))])
async def end_wait_route(case_id: UUID, wait_id: UUID, cmd: EndWait, tx: Tx, caller: Caller) -> CaseOut:
    """End a wait that no event will end."""
    case = await case_for(caller, case_id, tx, command="end_wait")
    await end_wait(case, wait_id, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
