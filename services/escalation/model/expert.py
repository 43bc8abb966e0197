"""Solution experts across the company: what they know, when they can be asked, how much they carry (S23)."""

from collections.abc import Collection
from dataclasses import field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.events.values import Domain, Language
from libs.kit.calendar import CalendarData, calendar
from libs.kit.fields import Short
from libs.kit.names import Found
from libs.kit.problems import Conflict
from libs.store import Entity
from services.escalation.model.case_file import CaseFile

Unavailable = Literal["no_person", "inactive", "absent", "outside_hours", "fully_loaded"]


_CANNOT: dict[Unavailable, str] = {
    "no_person": "Nobody has said yet which of our people this expert is: set person_id, or choose somebody else.",
    "inactive": "This expert is not asked any more; choose somebody else.",
    "absent": "This expert is away; choose somebody else.",
    "outside_hours": "This expert is not at work now; choose somebody else.",
    "fully_loaded": "This expert carries as much as they can; choose somebody else.",
}


class NoExpertAvailable(Conflict):
    """Nobody with these skills can be asked now; the body names who has them and why they cannot."""


class Skills(BaseModel):
    """What an expert knows, or what a case needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    families: tuple[Short, ...] = ()
    domains: tuple[Domain, ...] = ()
    partners: tuple[UUID, ...] = ()

    def named(self) -> set[str]:
        """Every skill as one word: `family:Studio X70`, `domain:network`, `partner:…`."""
        return (
            {f"family:{each}" for each in self.families}
            | {f"domain:{each}" for each in self.domains}
            | {f"partner:{each}" for each in self.partners}
        )


def skills_for(case: CaseFile) -> Skills:
    """What the product and the standing diagnoses call for."""
    return Skills.model_validate(
        {
            "families": [case.family] if case.family else [],
            "domains": sorted({each.domain for each in case.standing if each.domain}),
            "partners": sorted({each.partner_id for each in case.standing if each.partner_id}),
        }
    )


class Absence(BaseModel):
    """A stretch in which the expert cannot be asked, until its end (outside)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts: AwareDatetime
    ends: AwareDatetime
    reason: Short | None = None


class Expert(Found, Entity, table="experts", indexes=(("sort_key", "id"),), unique=("person_id",)):
    """One of our own people, by id. `load` counts the escalations they are engaged in that are not over.

    Who was kept before experts were people has a name and an address of their own and no `person_id`: they are read, and asked for nothing
    until somebody says which person it is. Then these go.
    """

    person_id: UUID | None = None
    name: str = ""
    email: str | None = None
    language: Language = "en"
    skills: Skills
    hours: CalendarData
    absences: list[Absence] = field(default_factory=list)
    max_load: int = 3
    load: int = 0
    active: bool = True

    def is_person(self, person_id: UUID) -> None:
        """Who it is, from now on: what was typed of them is in no row any more."""
        self.person_id, self.name, self.email, self.language = person_id, "", None, "en"

    def forget_person(self) -> None:
        """The person is erased: nobody asks them any more, and nothing says why they were away."""
        self.active, self.absences = False, []

    def unavailable(self, at: datetime, away: Collection[UUID] = ()) -> Unavailable | None:
        """Why this expert cannot be asked at `at`, when these people are away; None when they can."""
        if self.person_id is None:
            return "no_person"
        if not self.active:
            return "inactive"
        if self.person_id in away or any(each.starts <= at < each.ends for each in self.absences):
            return "absent"
        if not calendar(self.hours).is_open(at):
            return "outside_hours"
        return "fully_loaded" if self.load >= self.max_load else None

    def fits(self, needed: Skills) -> int:
        """How many of the needed skills this expert has."""
        return len(self.skills.named() & needed.named())

    def engage(self, at: datetime, away: Collection[UUID]) -> None:
        """One escalation more to carry. Raises NoExpertAvailable."""
        if reason := self.unavailable(at, away):
            raise NoExpertAvailable(_CANNOT[reason], reason=reason)
        self.load += 1

    def release(self) -> None:
        """One escalation less to carry."""
        self.load = max(0, self.load - 1)


def by_fitness(experts: list[Expert], needed: Skills, at: datetime, away: Collection[UUID]) -> list[Expert]:
    """The active experts who know some of what is needed: first those who can be asked, then by most skills, least load, age of the record."""
    fitting = [expert for expert in experts if expert.active and (expert.fits(needed) or not needed.named())]
    return sorted(fitting, key=lambda e: (e.unavailable(at, away) is not None, -e.fits(needed), e.load, e.id))
