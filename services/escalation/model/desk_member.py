"""Somebody who is given cases: what they know, when they work, how much they carry, and whether they are there now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from libs.events.values import Language
from libs.kit.calendar import CalendarData, CalendarError, calendar
from libs.kit.problems import Conflict
from libs.store import Entity

Presence = Literal["available", "away", "off"]
WhyNot = Literal[
    "not_here",
    "other_queue",
    "other_family",
    "other_language",
    "had_it",
    "off",
    "away",
    "absent",
    "outside_hours",
    "fully_loaded",
]
"""Why somebody is not given a case: the first of these that holds."""


class NotAtTheDesk(Conflict):
    """Who is there or away is asked of those alone who are given cases: a manager adds them."""


class DeskMember(Entity, table="desk_members", unique=("person_id",), indexes=(("created_at", "id"),)):
    """No families or languages means all of them; of queues they are given what stands in these. `capacity` None: as the policy says.
    `until`: when what they said of themselves is over."""

    person_id: UUID
    queues: list[str]
    families: list[str]
    languages: list[Language]
    hours: CalendarData
    capacity: int | None = None
    active: bool = True
    presence: Presence = "off"
    since: datetime
    until: datetime | None = None
    created_at: datetime

    def say(self, presence: Presence, until: datetime | None, at: datetime) -> None:
        """From now on, until that instant where there is one."""
        self.presence, self.since, self.until = presence, at, until

    def presence_at(self, at: datetime) -> Presence:
        """Who was away or off for a while is there again; who said how long they are there is off."""
        if self.until is None or at < self.until:
            return self.presence
        return "off" if self.presence == "available" else "available"

    def in_hours(self, at: datetime) -> bool:
        """Whether it is their shift."""
        return calendar(self.hours).is_open(at)


@dataclass(frozen=True)
class Need:
    """What a case calls for. What is not known of it excludes nobody. `passed_over`: it was theirs, and they did not act."""

    queue: str
    weight: int
    family: str | None = None
    language: Language | None = None
    passed_over: frozenset[UUID] = frozenset()


@dataclass
class Candidate:
    """A desk member with what is known of them at one instant. `here`: works here still; `back_at`: when an absence is over."""

    member: DeskMember
    here: bool
    capacity: int
    load: int = 0
    cases: int = 0
    given_at: datetime | None = None
    back_at: datetime | None = None

    def unavailable(self, at: datetime) -> WhyNot | None:
        """Why they are given nothing at all; None where they can take a case."""
        if not (self.here and self.member.active):
            return "not_here"
        presence = self.member.presence_at(at)
        if presence != "available":
            return presence
        if self.back_at:
            return "absent"
        if not self.member.in_hours(at):
            return "outside_hours"
        return "fully_loaded" if self.load >= self.capacity else None

    def why_not(self, need: Need, at: datetime) -> WhyNot | None:
        """Why they are not given this case; None where they can be."""
        member = self.member
        if need.queue not in member.queues:
            return "other_queue"
        if need.family and member.families and need.family not in member.families:
            return "other_family"
        if need.language and member.languages and need.language not in member.languages:
            return "other_language"
        if member.person_id in need.passed_over:
            return "had_it"
        return self.unavailable(at) or ("fully_loaded" if self.load + need.weight > self.capacity else None)

    def here_next(self, at: datetime) -> datetime | None:
        """When time alone may make them available; None where it does not."""
        if not (self.here and self.member.active):
            return None
        until, found = self.member.until, list[datetime]()
        if self.member.presence_at(at) != "available" and until and until > at:
            found.append(until)
        if self.back_at:
            found.append(self.back_at)
        if not self.member.in_hours(at):
            try:
                found.append(calendar(self.member.hours).next_window(at).start)
            except CalendarError:
                return None
        return min(found, default=None)

    def give(self, weight: int, at: datetime) -> None:
        """One case more."""
        self.load, self.cases, self.given_at = self.load + weight, self.cases + 1, at


def choose(need: Need, candidates: Sequence[Candidate], at: datetime) -> Candidate | None:
    """Of those who can take it whoever carries the smallest part of what they can; of these who was given a case longest ago."""
    able = [each for each in candidates if each.why_not(need, at) is None]
    return min(able, key=_turn, default=None)


def _turn(candidate: Candidate) -> tuple[Fraction, float, UUID]:
    given = candidate.given_at.timestamp() if candidate.given_at else 0.0
    return Fraction(candidate.load, candidate.capacity), given, candidate.member.person_id
