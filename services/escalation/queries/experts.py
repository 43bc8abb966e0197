"""Who knows what, and can be asked when (S23)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import AwareDatetime

from libs.events.values import Domain, Language
from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.fields import Word
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words, has_words
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.kit.rows import Rows
from libs.store import Transaction
from services.escalation.model.expert import Absence, Expert, Skills, Unavailable, by_fitness
from services.escalation.model.known_person import KnownPerson
from services.escalation.queries.absences import absences_of
from services.escalation.queries.our_people import known

router = Router(tags=["people"])


class ExpertOut(Out):
    """`name`, `email` and `language` are the person's of now. Without a `person` they are as somebody once typed them, and the expert cannot be
    asked before one is named."""

    id: UUID
    person_id: UUID | None
    person: NamedPerson | None
    name: str | None
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


async def people_of(experts: Iterable[Expert], tx: Transaction) -> dict[UUID, KnownPerson]:
    """Those of them who are known."""
    return await known((each.person_id for each in experts), tx)


async def who_is_away(experts: Iterable[Expert], tx: Transaction, at: datetime) -> set[UUID]:
    """Those of them who have said so, as persons."""
    people = [each.person_id for each in experts if each.person_id]
    return {each.person_id for each in await absences_of(people, tx, at) if each.holds(at)}


def name_of(expert: Expert, who: Mapping[UUID, KnownPerson]) -> str | None:
    """The name of now."""
    return NamedPerson.of(expert.person_id, who).name if expert.person_id else expert.name


async def expert_out(expert: Expert, tx: Transaction) -> ExpertOut:
    return ExpertOut.model_validate(_shown(expert, await people_of([expert], tx)))


def _shown(expert: Expert, who: Mapping[UUID, KnownPerson]) -> dict[str, Any]:
    id = expert.person_id
    if id is None:
        return {**vars(expert), "person": None}
    person, of = who.get(id), NamedPerson.of(id, who)
    language = (person and person.language) or expert.language
    return {**vars(expert), "person": of, "name": of.name, "email": person and person.email, "language": language}


_NAME_OF_NOW = sa.select(KnownPerson.c.sort_key).where(KnownPerson.c.id == Expert.c.person_id).scalar_subquery()


def _called(text: str | None) -> Rows:
    """Experts whose name has these words: the person's, or what was typed."""
    if text is None:
        return []
    people = sa.select(KnownPerson.c.id).where(has_words(KnownPerson.c.words, text))
    return [sa.or_(has_words(Expert.c.words, text), Expert.c.person_id.in_(people))]


class ExpertList(Listing):
    keys = {"name": sa.func.coalesce(_NAME_OF_NOW, Expert.c.sort_key)}  # noqa: RUF012
    own = frozenset({"q"})

    q: Words = None
    person_id: UUID | None = None
    sort: str = order("name")


@router.get("/v1/experts", dependencies=[allow(*STAFF)])
async def list_experts_route(tx: Tx, asked: Annotated[ExpertList, Query()]) -> Page[ExpertOut]:
    return await listed(
        tx,
        Expert,
        asked,
        _called(asked.q),
        out=lambda expert: expert_out(expert, tx),
        beside=lambda experts: people_of(experts, tx),
    )


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
    experts = await tx.select(Expert, Expert.c.active)
    away = await who_is_away(experts, tx, when)
    found = by_fitness(experts, needed, when, away)[:200]
    who = await people_of(found, tx)
    return Page(
        items=[
            FoundExpert(
                **_shown(expert, who), unavailable=expert.unavailable(when, away), matching_skills=expert.fits(needed)
            )
            for expert in found
        ]
    )


@router.get("/v1/experts/{expert_id}", dependencies=[allow(*STAFF)])
async def get_expert_route(expert_id: UUID, tx: Tx) -> ExpertOut:
    return await expert_out(await Expert.get(expert_id, tx), tx)
