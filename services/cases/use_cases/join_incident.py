"""A case is part of a mass incident: it closes before that one, and hears what is told to all of it."""

from uuid import UUID

from libs.events.cases_work import CaseJoinedIncident, CaseLeftIncident
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.incident import NoSuchIncident, join
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])


class JoinIncident(Command):
    """The case of the incident, of whatever account."""

    incident_id: UUID


class LeaveIncident(Command):
    """Why it is none of the incident's."""

    reason: Reason


class NoPart(Conflict):
    """The case is part of no incident."""


def go_on_in_incident(duplicate: Case, survivor: Case, actor: Actor, tx: Transaction) -> None:
    """The survivor is part of what its duplicate was part of, unless it is of another incident, or is one."""
    if duplicate.incident_id not in (None, survivor.id) and not survivor.incident_id and not survivor.is_incident:
        survivor.incident_id = duplicate.incident_id
        _tell_joined(survivor, actor, tx)


def _tell_joined(case: Case, actor: Actor, tx: Transaction) -> None:
    assert case.incident_id
    tx.emit(CaseJoinedIncident(case_id=case.id, incident_id=case.incident_id, **actor.facts(), joined_at=tx.now))


def leave_incident(case: Case, reason: str, actor: Actor, tx: Transaction) -> None:
    """What was told to it stays told. Raises NoPart."""
    if case.incident_id is None:
        raise NoPart(
            f"{case.number} is part of no incident.",
            state=case.state,
            possible=COMMANDS.possible(actor.role, case),
        )
    tx.emit(
        CaseLeftIncident(case_id=case.id, incident_id=case.incident_id, reason=reason, **actor.facts(), left_at=tx.now)
    )
    case.incident_id = None


@router.post("/v1/cases/{case_id}/incident", dependencies=[allow(*COMMANDS.roles("incident"))])
async def join_incident_route(case_id: UUID, cmd: JoinIncident, tx: Tx, caller: Caller) -> CaseOut:
    """Make the case part of a mass incident, maybe instead of another one. Its customer sees nothing of it."""
    # In the order of their ids, as everybody does who takes two.
    _, incident = await tx.find_many(Case, [case_id, cmd.incident_id], lock=True)
    case = await case_for(caller, case_id, tx, command="incident")
    if incident is None:
        raise NoSuchIncident("There is no such case.", incident_id=str(cmd.incident_id))
    if case.incident_id != incident.id:
        join(case, incident)
        _tell_joined(case, Actor.of(caller), tx)
    return await case_out(case, caller, tx)


@router.post("/v1/cases/{case_id}/incident/leave", dependencies=[allow(*COMMANDS.roles("incident"))])
async def leave_incident_route(case_id: UUID, cmd: LeaveIncident, tx: Tx, caller: Caller) -> CaseOut:
    """Take the case out of its incident; what is told to all of that is told to it no more."""
    case = await case_for(caller, case_id, tx, command="incident")
    leave_incident(case, cmd.reason, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
