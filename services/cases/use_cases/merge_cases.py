"""Two cases are one: the duplicate is closed, and what it has of use goes on with the other."""

from uuid import UUID

from libs.bus.replicas import hold
from libs.events.cases import CasesMerged
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict, Unprocessable
from libs.store import Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.alert import DeviceAlert
from services.cases.model.attachment import Attachment
from services.cases.model.case import SHIFT, SILENCE, Case
from services.cases.model.diagnosis import Diagnosis
from services.cases.model.lifecycle import OPEN
from services.cases.model.people import KnownContact, KnownPerson
from services.cases.model.wording import say
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.close_resolved_case import close
from services.cases.reactions.follow_case import take_over_followers
from services.cases.reactions.publish_note import note_of
from services.cases.use_cases.join_incident import go_on_in_incident

router = Router(tags=["cases"])
MERGED = "merged"


class NoSuchSurvivor(Unprocessable):
    """A case is merged into another open case of the same account."""


class DiagnosisStands(Conflict):
    """What a diagnosis has set going belongs to its case."""


class MergeCases(Command):
    """Which case this one goes on as, and why."""

    into: UUID
    reason: Reason


async def merge_cases(case: Case, survivor: Case, cmd: MergeCases, actor: Actor, tx: Transaction) -> None:
    """Both are locked. Notes stay where they are. Raises DiagnosisStands and ChildrenStillOpen."""
    if standing := await tx.first(Diagnosis, Diagnosis.c.case_id == case.id, Diagnosis.c.withdrawn_at.is_(None)):
        raise DiagnosisStands(
            "A diagnosis of the duplicate stands: withdraw it first, or merge the other case into this one.",
            state=case.state,
            possible=COMMANDS.possible(actor.role, case),
            diagnosis_id=str(standing.id),
        )
    opened_at = case.heard_of_at
    note_of(case, tx, say("merged_into", case.language, number=survivor.number), SYSTEM, "public")
    note_of(survivor, tx, say("merged_here", survivor.language, number=case.number), SYSTEM, "public")
    survivor.take_over(case)
    go_on_in_incident(case, survivor, actor, tx)
    for file in await tx.select(Attachment, Attachment.c.case_id == case.id, lock=True):
        file.case_id = survivor.id
    for alert in await tx.select(DeviceAlert, DeviceAlert.c.case_id == case.id, lock=True):
        alert.case_id = survivor.id
    await take_over_followers(survivor, case, tx, actor)
    tx.cancel_timer(case, SHIFT)
    tx.cancel_timer(case, SILENCE)
    tx.emit(
        CasesMerged(
            case_id=case.id,
            into=survivor.id,
            opened_at=opened_at,
            reason=cmd.reason,
            **actor.facts(),
            merged_at=tx.now,
        )
    )
    await close(case, MERGED, actor, tx, typed=cmd.reason)


@router.post("/v1/cases/{case_id}/merge", dependencies=[allow(*COMMANDS.roles("merge"))])
async def merge_cases_route(case_id: UUID, cmd: MergeCases, tx: Tx, caller: Caller) -> CaseOut:
    """Close a duplicate: the other case goes on, and hears what is said to this one."""
    # Before anything is locked: who leaves from now on waits, and is found among the survivor's followers.
    await hold([KnownContact, KnownPerson], tx)
    # In the order of their ids, as everybody does who takes two.
    _, survivor = await tx.find_many(Case, [case_id, cmd.into], lock=True)
    case = await case_for(caller, case_id, tx, command="merge")
    if (
        survivor is None
        or survivor.id == case.id
        or survivor.account_id != case.account_id
        or survivor.state not in OPEN
    ):
        raise NoSuchSurvivor("The other case is an open one of the same account.", into=str(cmd.into))
    await merge_cases(case, survivor, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
