"""Experts: their skills, hours, absences and how much they can carry."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.values import Language
from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Email, Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.escalation.model.expert import Absence, Expert, Skills
from services.escalation.queries.experts import ExpertOut

router = Router(tags=["people"])


class ExpertFields(Command):
    name: Line
    email: Email | None = None
    language: Language = "en"
    skills: Skills
    hours: CalendarData = CalendarData.round_the_clock()
    absences: Annotated[list[Absence], Field(max_length=200)] = Field(default_factory=list)
    max_load: Annotated[int, Field(ge=0, le=100)] = 3


class CreateExpert(New, ExpertFields):
    """Somebody who can be invited to an escalation."""


class ChangeExpert(Patch, ExpertFields):
    active: bool


@router.post("/v1/experts", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_expert_route(cmd: CreateExpert, tx: Tx) -> ExpertOut:
    return ExpertOut.model_validate(cmd.make(Expert, tx))


@router.patch("/v1/experts/{expert_id}", dependencies=[allow(*MANAGERS)])
async def change_expert_route(expert_id: UUID, cmd: ChangeExpert, tx: Tx) -> ExpertOut:
    expert = await Expert.get(expert_id, tx, lock=True)
    cmd.apply_to(expert)
    return ExpertOut.model_validate(expert)
