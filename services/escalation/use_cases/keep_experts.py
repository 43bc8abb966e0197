"""Experts: which of our people they are, their skills, hours, absences and how much they can carry."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.escalation.model.expert import Absence, Expert, Skills
from services.escalation.queries.experts import ExpertOut, expert_out
from services.escalation.queries.our_people import must_be_ours

router = Router(tags=["people"])


class ExpertFields(Command):
    person_id: UUID = Field(description="the person that it is, one of ours")
    skills: Skills
    hours: CalendarData = CalendarData.round_the_clock()
    absences: Annotated[list[Absence], Field(max_length=200)] = Field(default_factory=list)
    max_load: Annotated[int, Field(ge=0, le=100)] = 3


class CreateExpert(New, ExpertFields):
    """Somebody who can be invited to an escalation."""


class ChangeExpert(Patch, ExpertFields):
    """Who was kept by a name alone becomes the person that is named here."""

    active: bool


@router.post("/v1/experts", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_expert_route(cmd: CreateExpert, tx: Tx) -> ExpertOut:
    await must_be_ours([cmd.person_id], tx)
    return await expert_out(cmd.make(Expert, tx), tx)


@router.patch("/v1/experts/{expert_id}", dependencies=[allow(*MANAGERS)])
async def change_expert_route(expert_id: UUID, cmd: ChangeExpert, tx: Tx) -> ExpertOut:
    """Only who works here still is one who can be asked."""
    named = "person_id" in cmd.model_fields_set
    who = cmd.person_id if named else (await Expert.get(expert_id, tx)).person_id
    await must_be_ours([who] if who and (named or cmd.active) else [], tx)
    expert = await Expert.get(expert_id, tx, lock=True)
    cmd.apply_to(expert)
    if named:
        expert.is_person(cmd.person_id)
    return await expert_out(expert, tx)
