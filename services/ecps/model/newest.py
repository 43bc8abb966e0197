"""Which of the things that a partner told is the newest, whatever order they came in."""

from typing import Self

from pydantic import BaseModel

from libs.events.values import Instant


class Told(BaseModel):
    """One word that the partner told of a ticket. `sequence`: None where their side did not count; `rank` breaks a tie."""

    word: str
    at: Instant
    sequence: int | None = None
    rank: int = 0

    def by_time(self) -> tuple[Instant, int, str]:
        return self.at, self.rank, self.word

    def by_count(self) -> tuple[int, Instant, int, str]:
        """Their own count is believed before their clock."""
        return self.sequence or 0, *self.by_time()


class Newest(BaseModel):
    """The newest of what was counted and the newest of what was not: nothing else is needed to know the newest of all that was told,
    so the order in which it came makes no difference."""

    counted: Told | None = None
    timed: Told | None = None

    @property
    def of_all(self) -> Told | None:
        """Between what was counted and what was not, their time decides."""
        return max(filter(None, (self.counted, self.timed)), key=Told.by_time, default=None)

    def with_(self, told: Told) -> Self:
        """The same after this was told too."""
        if told.sequence is None:
            return self.model_copy(update={"timed": max(filter(None, (self.timed, told)), key=Told.by_time)})
        return self.model_copy(update={"counted": max(filter(None, (self.counted, told)), key=Told.by_count)})
