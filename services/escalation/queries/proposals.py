"""Why a case went to whom, and to whom it would go now."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from libs.events.values import Priority
from libs.kit.auth import STAFF
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.kit.rows import visible
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.desk_member import WhyNot, choose
from services.escalation.model.proposal import Considered, Outcome, Proposal, considered
from services.escalation.model.settings import policies
from services.escalation.queries.access import cases_visible_to
from services.escalation.queries.desk import candidates, members_of, need_of
from services.escalation.queries.our_people import known

router = Router(tags=["people"])


class ConsideredOut(BaseModel):
    """Somebody of the queue, as they were then; `why_not` null: they could have been given it."""

    person: NamedPerson
    load: int
    capacity: int
    given_at: datetime | None
    why_not: WhyNot | None


class ProposalOut(Out):
    """`person` null: the case was to go back into its queue, since `previous` had not acted. `outcome`: whether it came so, something else
    came first, or nothing was heard."""

    id: UUID
    case_id: UUID
    queue: str | None
    person: NamedPerson | None
    previous: NamedPerson | None
    why: Literal["skill_and_load", "not_acted"]
    priority: Priority
    considered: list[ConsideredOut]
    proposed_at: datetime
    outcome: Outcome
    answered_at: datetime | None


class Preview(BaseModel):
    """Who would be proposed for a case now, and why nobody else. `automatic`: whether somebody is, of themselves, in this queue."""

    case_id: UUID
    queue: str | None
    automatic: bool
    person: NamedPerson | None
    considered: list[ConsideredOut]


async def _considered(found: list[Considered], tx: Transaction) -> list[ConsideredOut]:
    names = await known((each.person_id for each in found), tx)
    return [
        ConsideredOut.model_validate({**vars(each), "person": NamedPerson.of(each.person_id, names)}) for each in found
    ]


async def proposal_out(proposal: Proposal, tx: Transaction) -> ProposalOut:
    names = await known((proposal.person_id, proposal.previous_person_id), tx)
    people = {
        name: NamedPerson.of(id, names) if id else None
        for name, id in (("person", proposal.person_id), ("previous", proposal.previous_person_id))
    }
    considered = await _considered(proposal.considered, tx)
    return ProposalOut.model_validate({**vars(proposal), **people, "considered": considered})


class ProposalList(Listing):
    case_id: UUID | None = None
    person_id: UUID | None = None
    sort: str = order("-proposed_at")


@router.get("/v1/assignee-proposals", dependencies=[allow(*STAFF)])
async def list_proposals_route(tx: Tx, asked: Annotated[ProposalList, Query()]) -> Page[ProposalOut]:
    return await listed(tx, Proposal, asked, out=lambda each: proposal_out(each, tx))


@router.get("/v1/assignee-proposals/preview", dependencies=[allow(*STAFF)])
async def get_proposal_preview_route(case_id: UUID, tx: Tx, caller: Caller) -> Preview:
    """For a case as it stands; nothing comes of asking."""
    case = await visible(CaseFile, case_id, cases_visible_to(caller), tx)
    settings = await policies.at(tx)
    need = need_of(case, settings)
    desk = await candidates(await members_of(need.queue, tx), settings, tx)
    chosen = choose(need, desk, tx.now)
    names = await known([chosen.member.person_id] if chosen else [], tx)
    return Preview(
        case_id=case.id,
        queue=case.queue,
        automatic=case.queue in settings.automatic_queues,
        person=NamedPerson.of(chosen.member.person_id, names) if chosen else None,
        considered=await _considered(considered(need, desk, tx.now), tx),
    )


@router.get("/v1/assignee-proposals/{proposal_id}", dependencies=[allow(*STAFF)])
async def get_proposal_route(proposal_id: UUID, tx: Tx) -> ProposalOut:
    return await proposal_out(await Proposal.get(proposal_id, tx), tx)
