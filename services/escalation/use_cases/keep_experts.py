"""Experts: their skills, hours, absences and how much they can carry."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.events.values import Language
from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Email, Line
from libs.kit.http import Command, Router, Tx, allow
from services.escalation.model.expert import Absence, Expert, Skills
from services.escalation.queries.people import ExpertOut
from services.escalation.use_cases.revise import Revision, made, revise

router = Router(tags=["people"])

Load = Annotated[int, Field(ge=0, le=100)]
Absences = Annotated[list[Absence], Field(max_length=200)]


class AddExpert(Command):
    name: Line
    email: Email | None = None
    language: Language = "en"
    skills: Skills
    hours: CalendarData = CalendarData.round_the_clock()
    absences: Absences = Field(default_factory=list)
    max_load: Load = 3


class ReviseExpert(Revision):
    clearable: ClassVar[frozenset[str]] = frozenset({"email"})

    name: Line | None = None
    email: Email | None = None
    language: Language | None = None
    skills: Skills | None = None
    hours: CalendarData | None = None
    absences: Absences | None = None
    max_load: Load | None = None
    active: bool | None = None


@router.post("/v1/experts", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_expert(cmd: AddExpert, tx: Tx) -> ExpertOut:
    return ExpertOut.model_validate(tx.add(made(Expert, cmd)))


@router.patch("/v1/experts/{expert_id}", dependencies=[allow(*MANAGERS)])
async def revise_expert(expert_id: UUID, cmd: ReviseExpert, tx: Tx) -> ExpertOut:
    expert = await Expert.get(expert_id, tx, lock=True)
    revise(expert, cmd)
    return ExpertOut.model_validate(expert)
