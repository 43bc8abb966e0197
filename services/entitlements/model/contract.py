"""A support contract: its plan, options and terms, and from which day to which it covers."""

from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.kit.problems import Conflict, Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity
from services.entitlements.model.history import Step

State = Literal["scheduled", "active", "expired", "cancelled", "superseded"]
Ending = Literal["term", "cancelled", "superseded"]

machine: StateMachine[State] = StateMachine(
    "contract",
    {
        "scheduled": {"active", "cancelled"},
        "active": {"active", "expired", "cancelled", "superseded"},
        "expired": {"active"},
    },
    initial="scheduled",
)
"""`active → active` and `expired → active` are renewals."""

_STATE_AFTER: dict[Ending, State] = {"term": "expired", "cancelled": "cancelled", "superseded": "superseded"}


class ImpossibleTerm(Unprocessable):
    title = "Not a possible term"


class NotYetRenewable(Conflict):
    """A contract that has not begun is changed by cancelling it and writing another."""


class Term(BaseModel):
    starts_on: date
    ends_on: date  # the last day of cover

    @property
    def day_after(self) -> date:
        return self.ends_on + timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


class Contract(Entity, table="contracts", indexes=(("account_id", "id"), ("state", "id")), unique=("number",)):
    account_id: UUID
    number: str
    plan: str
    features: list[str]  # the plan's when the contract was written or last renewed
    options: list[str]  # bought with it
    families: list[str]  # product families covered; none named: all
    terms: list[Term]
    ended_on: date | None  # the first day without cover, when it was ended early
    state: State
    supersedes_id: UUID | None
    history: list[Step]
    created_at: datetime

    @property
    def term(self) -> Term:
        """The latest."""
        return self.terms[-1]

    @property
    def last_day(self) -> date:
        """Of cover, as things stand."""
        return min(self.term.ends_on, self.ended_on - timedelta(days=1)) if self.ended_on else self.term.ends_on

    def runs_on(self, day: date) -> bool:
        """Whether it covers this day; by its terms alone, so that a late timer changes nothing."""
        return (self.ended_on is None or day < self.ended_on) and any(day in term for term in self.terms)

    def covers_family(self, family: str) -> bool:
        return not self.families or family in self.families

    def begin(self, *, at: datetime, by: str) -> None:
        """Raises ForbiddenTransition unless it is scheduled or runs anew after a renewal."""
        self._become("active", at, by, None)

    def renew(self, until: date, *, today: date, at: datetime, by: str, reason: str | None) -> None:
        """Goes on the day after the running term, or today after a lapse. Raises ImpossibleTerm, NotYetRenewable."""
        if self.state == "scheduled":
            raise NotYetRenewable("The contract has not begun.", state=self.state, possible=["cancelled"])
        machine.check(self.state, "active")
        lapsed = self.state == "expired"
        if until < today or until <= self.term.ends_on:
            raise ImpossibleTerm("A renewal ends after the term it renews.", ends_on=self.term.ends_on.isoformat())
        if lapsed:
            self.terms = [*self.terms, Term(starts_on=today, ends_on=until)]
        else:
            self.terms = [*self.terms[:-1], Term(starts_on=self.term.starts_on, ends_on=until)]
        self._become("active", at, by, reason)

    def end(self, why: Ending, *, today: date, at: datetime, by: str, reason: str | None = None) -> None:
        """By its term, or early from today on. Raises ForbiddenTransition."""
        self._become(_STATE_AFTER[why], at, by, reason or why)
        if why != "term":
            self.ended_on = today

    def _become(self, state: State, at: datetime, by: str, reason: str | None) -> None:
        machine.check(self.state, state)
        self.state = state
        self.history = [*self.history, Step(state=state, at=at, by=by, reason=reason)]


def check_term(starts_on: date, ends_on: date) -> Term:
    """Raises ImpossibleTerm."""
    if ends_on < starts_on:
        raise ImpossibleTerm(
            "A term ends on the day it starts, or later.", starts_on=str(starts_on), ends_on=str(ends_on)
        )
    return Term(starts_on=starts_on, ends_on=ends_on)
