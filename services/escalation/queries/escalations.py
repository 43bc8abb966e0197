"""Escalations: the customer's view, and ours."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.events.values import Instant, Priority
from libs.kit.auth import ACCOUNT_READERS, Principal
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import COUNTS, DatedListing, Out, Summarised, listed, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.kit.problems import Missing
from libs.kit.rows import visible
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import (
    Acknowledgement,
    Change,
    Engagement,
    Escalation,
    EscalationState,
    Joined,
)
from services.escalation.model.escalation_policy import FrozenPolicy
from services.escalation.model.people import Addressee
from services.escalation.queries.access import COMMANDS, Asked, Command, cases_visible_to, visible_to
from services.escalation.queries.our_people import called, known

router = Router(tags=["escalations"])


class EscalationSummary(Out):
    """One line of a board."""

    id: UUID
    number: str
    case_id: UUID
    account_id: UUID | None
    state: EscalationState
    reason: str
    priority: Priority
    raised_at: datetime
    updated_at: datetime


class EscalationOut(EscalationSummary):
    """What the customer sees of an escalation. `joined` is what called for one while it was open; `possible` is what the caller
    can do now."""

    possible: list[Command]
    explanation: str
    joined: list[Joined]
    epoch: int
    raised_by: str
    resolution: str | None
    resolved_at: datetime | None


class TakenUp(Acknowledgement):
    """An acknowledgement with the name of now."""

    person: NamedPerson


class EscalationDetail(EscalationOut):
    """What we see: the policy as it was frozen, the step and its people, who took it up, who was invited, every change."""

    breach_id: UUID | None
    policy: FrozenPolicy
    step: int
    repeat: int
    recipients: list[Addressee]
    acknowledgements: list[TakenUp]
    still_wanted: int
    next_step_at: datetime | None
    owner: NamedPerson | None
    experts: list[Engagement]
    history: list[Change]


async def shown(asked: Asked, caller: Principal, tx: Transaction) -> EscalationDetail | EscalationOut:
    """All of it for staff, the customer's view for others."""
    if caller.staff:
        return await detail(asked, caller, tx)
    return EscalationOut.model_validate(_fields(asked, caller))


async def detail(asked: Asked, caller: Principal, tx: Transaction) -> EscalationDetail:
    """All of it, as one of us reads it, with the names and addresses of now."""
    it = asked.escalation
    who = await known(_people(it), tx)
    return EscalationDetail.model_validate(
        {
            **_fields(asked, caller),
            "still_wanted": it.still_wanted,
            "recipients": await called(it.recipients, tx),
            "acknowledgements": [
                {**each.model_dump(), "person": NamedPerson.of(each.person_id, who)} for each in it.acknowledgements
            ],
            "owner": NamedPerson.of(it.owner, who) if it.owner else None,
        }
    )


def _people(escalation: Escalation) -> list[UUID | None]:
    called = [each.person_id for each in escalation.recipients]
    return [*called, *(each.person_id for each in escalation.acknowledgements), escalation.owner]


def _fields(asked: Asked, caller: Principal) -> dict[str, Any]:
    return {**vars(asked.escalation), "possible": COMMANDS.possible(caller.role, asked)}


async def visible_case(case_id: UUID, tx: Transaction, caller: Principal, *, lock: bool = False) -> CaseFile:
    """The file of a case that the caller may see and whose opening we have heard of; else there is none."""
    rows = CaseFile.c.id == case_id, *cases_visible_to(caller)
    case = await tx.first(CaseFile, *rows, lock=lock)
    if case is None or case.opened_at is None:
        raise Missing(f"There is no case {case_id} here.")
    return case


async def escalation_for(
    caller: Principal, escalation_id: UUID, tx: Transaction, command: Command | None = None
) -> Asked:
    """An escalation, and its case's file. For a command it is locked, and has to take it.

    Raises NotFound, also for one that the caller does not see, and for a command what `COMMANDS.permit` raises.
    """
    escalation = await visible(Escalation, escalation_id, visible_to(caller), tx, lock=command is not None)
    asked = Asked(escalation, await CaseFile.get(escalation.case_id, tx), caller.actor)
    if command:
        COMMANDS.permit(command, caller.role, asked)
    return asked


class EscalationList(Summarised, DatedListing):
    found_by: ClassVar[Sequence[str]] = ("number",)

    q: Word | None = Field(None, description="an escalation's number")
    case_id: UUID | None = None
    account_id: UUID | None = None
    state: list[EscalationState] | None = None
    priority: Priority | None = None
    raised_from: Instant | None = None
    raised_before: Instant | None = None
    counts: list[Literal["state", "priority"]] | None = Field(None, description=COUNTS)
    sort: str = order("-raised_at", "updated_at")


@router.get("/v1/escalations", dependencies=[allow(*ACCOUNT_READERS)])
async def list_escalations_route(
    tx: Tx, caller: Caller, asked: Annotated[EscalationList, Query()]
) -> Page[EscalationDetail] | Page[EscalationOut] | Page[EscalationSummary]:
    """The newest first."""

    async def out(escalation: Escalation) -> EscalationDetail | EscalationOut:
        return await shown(Asked(escalation, await CaseFile.get(escalation.case_id, tx), caller.actor), caller, tx)

    async def beside(escalations: Sequence[Escalation]) -> None:
        await tx.find_many(CaseFile, [each.case_id for each in escalations])
        await known((id for each in escalations for id in _people(each)), tx)

    return await listed(tx, Escalation, asked, visible_to(caller), out=out, beside=beside, summary=EscalationSummary)


@router.get("/v1/escalations/{escalation_id}", dependencies=[allow(*ACCOUNT_READERS)])
async def get_escalation_route(escalation_id: UUID, tx: Tx, caller: Caller) -> EscalationDetail | EscalationOut:
    return await shown(await escalation_for(caller, escalation_id, tx), caller, tx)
