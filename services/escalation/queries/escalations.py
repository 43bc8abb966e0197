"""Escalations: the customer's view, and ours."""

from collections.abc import Mapping, Sequence
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
from services.escalation.model.expert import Expert
from services.escalation.model.known_person import KnownPerson
from services.escalation.model.people import Addressee
from services.escalation.queries.access import COMMANDS, Asked, Command, cases_visible_to, visible_to
from services.escalation.queries.escalation_policies import FrozenPolicyOut, steps_out
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
    """An acknowledgement with the name of now; of a system, no person."""

    person: NamedPerson | None


class Invited(Engagement):
    """An expert with the name of now; one who was typed before experts were people has `name` alone."""

    person: NamedPerson | None
    name: str | None


class EscalationDetail(EscalationOut):
    """What we see: the policy as it was frozen, the step and its people, who took it up, who was invited, every change."""

    breach_id: UUID | None
    policy: FrozenPolicyOut
    step: int
    repeat: int
    recipients: list[Addressee]
    acknowledgements: list[TakenUp]
    still_wanted: int
    next_step_at: datetime | None
    owner: NamedPerson | None
    experts: list[Invited]
    history: list[Change]


async def shown(asked: Asked, caller: Principal, tx: Transaction) -> EscalationDetail | EscalationOut:
    """All of it for staff, the customer's view for others."""
    if caller.staff:
        return await detail(asked, caller, tx)
    return EscalationOut.model_validate(_fields(asked, caller))


async def detail(asked: Asked, caller: Principal, tx: Transaction) -> EscalationDetail:
    """All of it, as one of us reads it, with the names and addresses of now."""
    it = asked.escalation
    experts = {each.id: each for each in await tx.find_many(Expert, [e.expert_id for e in it.experts]) if each}
    who = await known([*_people(it), *(each.person_id for each in experts.values())], tx)
    return EscalationDetail.model_validate(
        {
            **_fields(asked, caller),
            "policy": {**vars(it.policy), "steps": await steps_out(it.policy.steps, tx)},
            "still_wanted": it.still_wanted,
            "recipients": await called(it.recipients, tx),
            "acknowledgements": [{**vars(each), "person": _named(each.person_id, who)} for each in it.acknowledgements],
            "experts": [_invited(each, experts.get(each.expert_id), who) for each in it.experts],
            "owner": _named(it.owner, who),
        }
    )


def _people(escalation: Escalation) -> list[UUID | None]:
    called = [each.person_id for each in escalation.recipients]
    took_up = [each.person_id for each in escalation.acknowledgements]
    return [*called, *took_up, *(each.person_id for each in escalation.experts), escalation.owner]


def _named(id: UUID | None, who: Mapping[UUID, KnownPerson]) -> NamedPerson | None:
    return NamedPerson.of(id, who) if id else None


def _invited(place: Engagement, expert: Expert | None, who: Mapping[UUID, KnownPerson]) -> dict[str, Any]:
    person = _named(place.person_id or (expert.person_id if expert else None), who)
    return {**vars(place), "person": person, "name": person.name if person else expert and expert.name}


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
