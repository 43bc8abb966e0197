"""Queues and who is on duty: work follows the sun (S1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.events.values import Language
from libs.kit.calendar import CalendarData, CalendarError, calendar
from libs.kit.names import Found
from libs.kit.problems import Unprocessable
from libs.store import Entity

REROUTE = "reroute"
"""Timer of a queue: what nobody has taken is routed again."""
DUTY = "duty"
"""Timer of a queue: its shift ends soon, or has ended."""
_FOR_OTHERS = -1
_LONGEST_SHIFT = timedelta(days=60)
"""Who looks round the clock is asked again by then."""


class NeverOnDuty(Unprocessable):
    """Duty hours have to come some day."""


class Queue(Found, Entity, table="queues", unique=("code",), indexes=(("sort_key", "id"),), reference=True):
    """One team's line during one shift. No families or languages means all of them.

    `told_end`: the end of the shift whose open cases were told last.
    """

    searched = ("code", "name")

    code: str
    name: str
    families: list[str]
    languages: list[Language]
    shift: str
    duty: CalendarData
    active: bool = True
    told_end: datetime | None = None
    created_at: datetime

    def check(self, at: datetime) -> None:
        """Raises NeverOnDuty."""
        try:
            self.shift_ends(at)
        except CalendarError as error:
            raise NeverOnDuty(f"The duty hours of {self.code} are never: {error}.") from error

    def shift_ends(self, at: datetime) -> datetime:
        """The end of the shift that is on duty, else of the next one. Raises CalendarError when none comes."""
        return calendar(self.duty).next_window(at).end

    def off_duty_at(self, at: datetime) -> datetime | None:
        """When the shift that is on duty is over, else the next one; windows without a break between them are one shift. It is still on
        duty then where that is far off. None when no shift comes."""
        days = calendar(self.duty)
        try:
            start, end = days.next_window(at)
        except CalendarError:
            return None
        while self.on_duty(end) and end - max(start, at) < _LONGEST_SHIFT:
            end = days.next_window(end).end
        return end

    def next_begins(self, at: datetime) -> datetime | None:
        """When it is on duty next; None when its calendar has run out, which is no reason to leave a case without a queue."""
        try:
            return calendar(self.duty).next_window(at).start
        except CalendarError:
            return None

    def on_duty(self, at: datetime) -> bool:
        """Whether somebody of it looks at this instant."""
        return self.active and calendar(self.duty).is_open(at)

    def fit(self, family: str | None, language: Language) -> int | None:
        """How well it fits, higher is better; None when it is for others."""
        if (self.families and family not in self.families) or (self.languages and language not in self.languages):
            return None
        return 2 * bool(self.families) + bool(self.languages)


@dataclass(frozen=True)
class Choice:
    """Where a case goes. `until`: when to choose again, at the shift's end or when one begins that fits better."""

    queue: str
    shift: str | None
    until: datetime | None
    reason: str


def choose(queues: Sequence[Queue], default: str, *, family: str | None, language: Language, at: datetime) -> Choice:
    """The best fitting queue on duty; else any on duty, since somebody has to look; else the default one until somebody comes."""

    def rank(queue: Queue) -> int:
        return _FOR_OTHERS if (fit := queue.fit(family, language)) is None else fit

    best = max(sorted((q for q in queues if q.on_duty(at)), key=lambda q: q.code), key=rank, default=None)
    better = [q for q in queues if q.active and not q.on_duty(at) and (best is None or rank(q) > rank(best))]
    begin = [begins for q in better if (begins := q.next_begins(at))]
    if best is None:
        return Choice(default, None, min(begin, default=None), "no queue is on duty")
    fits = rank(best) > _FOR_OTHERS
    reason = "family, language and shift" if fits else "the shift on duty; no queue of its own is"
    return Choice(best.code, best.shift, min([best.shift_ends(at), *begin]), reason)
