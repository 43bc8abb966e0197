"""Who knows what, and can be asked when (S23)."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from libs.events.values import Domain, Language
from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.fields import Word
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.escalation.model.expert import Absence, Expert, Skills, Unavailable, by_fitness

router = Router(tags=["people"])


class ExpertOut(Out):
    id: UUID
    name: str
    email: str | None
    language: Language
    skills: Skills
    hours: CalendarData
    absences: list[Absence]
    max_load: int
    load: int
    active: bool


class FoundExpert(ExpertOut):
    """An expert as a search finds them: why they cannot be asked now, and how many of the skills they have."""

    unavailable: Unavailable | None
    matching_skills: int


class ExpertList(Listing):
    q: Words = None
    sort: str = order("name")


@router.get("/v1/experts", dependencies=[allow(*STAFF)])
async def list_experts_route(tx: Tx, asked: Annotated[ExpertList, Query()]) -> Page[ExpertOut]:
    return await listed(tx, Expert, asked, out=ExpertOut.model_validate)


@router.get("/v1/experts/search", dependencies=[allow(*STAFF)])
async def search_experts_route(
    tx: Tx,
    family: Annotated[list[Word] | None, Query()] = None,
    domain: Annotated[list[Domain] | None, Query()] = None,
    partner_id: Annotated[list[UUID] | None, Query()] = None,
    at: AwareDatetime | None = None,
) -> Page[FoundExpert]:
    """The best first: who can be asked, with the most of these skills, the least loaded."""
    needed, when = (
        Skills(families=tuple(family or ()), domains=tuple(domain or ()), partners=tuple(partner_id or ())),
        at or tx.now,
    )
    found = by_fitness(await tx.select(Expert, Expert.c.active), needed, when)[:200]
    return Page(
        items=[
            FoundExpert(
                **ExpertOut.model_validate(expert).model_dump(),
                unavailable=expert.unavailable(when),
                matching_skills=expert.fits(needed),
            )
            for expert in found
        ]
    )


@router.get("/v1/experts/{expert_id}", dependencies=[allow(*STAFF)])
async def get_expert_route(expert_id: UUID, tx: Tx) -> ExpertOut:
    return ExpertOut.model_validate(await Expert.get(expert_id, tx))
