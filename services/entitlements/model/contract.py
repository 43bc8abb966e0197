"""A support contract: its plan, options and terms, and from which day to which it covers."""

from collections.abc import Iterable
from dataclasses import field
from datetime import date, datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

from pydantic import BaseModel

from libs.kit.problems import Conflict, Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, UpdatedAt
from services.entitlements.model.history import Change

State = Literal["scheduled", "active", "expired", "cancelled", "superseded"]
Ending = Literal["term", "cancelled", "superseded"]

machine: StateMachine[State] = StateMachine(
    "The contract",
    {
        "scheduled": {"active", "cancelled"},
        # Active again: it was renewed.
        "active": {"active", "expired", "cancelled", "superseded"},
        "expired": {"active"},
    },
    initial="scheduled",
)
BEGIN, EXPIRING, END = "begin", "expiring", "end"
"""Its timers: the first instant of its term, the next distance before its end, and the first instant after its last day."""

_STATE_AFTER: dict[Ending, State] = {"term": "expired", "cancelled": "cancelled", "superseded": "superseded"}


class ImpossibleTerm(Unprocessable):
    title = "Not a possible term"


class NotYetRenewable(Conflict):
    """A contract that has not begun is changed by cancelling it and writing another."""


class Term(BaseModel):
    """Days of cover; `ends_on` is the last of them."""

    starts_on: date
    ends_on: date

    @property
    def day_after(self) -> date:
        """The first day without cover."""
        return self.ends_on + timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


class ContractFacts(TypedDict):
    contract_id: UUID
    account_id: UUID
    number: str
    plan: str


class Contract(
    Entity,
    table="contracts",
    indexes=(("account_id", "id"), ("state", "id"), ("updated_at", "id"), ("account_id", "updated_at", "id")),
    unique=("number",),
):
    """`features` are the plan's when the contract was written or last renewed; `options` were bought with it.

    `families` are the product families that it covers, none: all. `ended_on` is the first day without cover of one that was ended
    early.
    """

    account_id: UUID
    number: str
    plan: str
    features: list[str]
    options: list[str]
    families: list[str]
    terms: list[Term]
    ended_on: date | None
    state: State
    supersedes_id: UUID | None
    history: list[Change]
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    def facts(self) -> ContractFacts:
        """What every event of this contract says."""
        return {"contract_id": self.id, "account_id": self.account_id, "number": self.number, "plan": self.plan}

    @property
    def term(self) -> Term:
        """The latest."""
        return self.terms[-1]

    @property
    def last_day(self) -> date:
        """The last day of cover, as things stand."""
        return min(self.term.ends_on, self.ended_on - timedelta(days=1)) if self.ended_on else self.term.ends_on

    def tells_on(self, today: date, distances: Iterable[int]) -> date | None:
        """The first day from today on that is one of these distances before its end."""
        days = (self.last_day - timedelta(days=each) for each in distances)
        return min((day for day in days if day >= today), default=None)

    def runs_on(self, day: date) -> bool:
        """Whether it covers this day; by its terms alone, so that a late timer changes nothing."""
        return (self.ended_on is None or day < self.ended_on) and any(day in term for term in self.terms)

    def covers_family(self, family: str) -> bool:
        """Whether it is for products of this family."""
        return not self.families or family in self.families

    def begin(self, *, at: datetime, by: str) -> None:
        """Raises ForbiddenTransition unless it is scheduled or runs anew after a renewal."""
        self._become("active", at, by, None)

    def renew(self, until: date, *, today: date, at: datetime, by: str, reason: str | None) -> None:
        """Goes on the day after the running term, or today after a lapse.

        Raises ImpossibleTerm, NotYetRenewable, ForbiddenTransition.
        """
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
        self.history = [*self.history, Change(state=state, at=at, by=by, reason=reason)]


def term_of(starts_on: date, ends_on: date) -> Term:
    """The term of these days. Raises ImpossibleTerm when it ends before it starts."""
    if ends_on < starts_on:
        raise ImpossibleTerm(
            "A term ends on the day it starts, or later.", starts_on=str(starts_on), ends_on=str(ends_on)
        )
    return Term(starts_on=starts_on, ends_on=ends_on)
