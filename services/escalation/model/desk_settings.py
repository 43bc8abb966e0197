"""The numbers of the desk: how much a case weighs, and how long whoever was given one has to act."""

from pydantic import BaseModel, ConfigDict, Field

from libs.events.values import Priority


class Weights(BaseModel):
    """What a case adds to somebody's load; one that waits for the customer or others adds `waiting`, at most its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    P1: int = Field(4, ge=1, le=100)
    P2: int = Field(3, ge=1, le=100)
    P3: int = Field(2, ge=1, le=100)
    P4: int = Field(1, ge=1, le=100)
    waiting: int = Field(1, ge=0, le=100)

    def of(self, priority: Priority, *, waiting: bool) -> int:
        """Of one case."""
        weight: int = getattr(self, priority)
        return min(weight, self.waiting) if waiting else weight


class ActWithin(BaseModel):
    """Minutes of their own hours in which whoever has a case is to act on it; null: as long as they like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    P1: int | None = Field(30, ge=1, le=60 * 24 * 7)
    P2: int | None = Field(120, ge=1, le=60 * 24 * 7)
    P3: int | None = Field(None, ge=1, le=60 * 24 * 31)
    P4: int | None = Field(None, ge=1, le=60 * 24 * 31)

    def of(self, priority: Priority) -> int | None:
        """Of a case of this priority."""
        minutes: int | None = getattr(self, priority)
        return minutes
