"""A shipment as the carrier sees it: booked once per reference, planned at booking, moved by its plan or by hand."""

import secrets
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

_DELIVERY_HOUR = time(10, 30)  # at the destination, when a date was promised without an hour
_SOONEST_DELIVERY, _USUAL_TRANSIT, _DEPARTURE = timedelta(hours=2), timedelta(days=1), timedelta(hours=1)
_RETURN_TRANSIT = timedelta(days=2)


class Status(StrEnum):
    BOOKED = "booked"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    REFUSED = "refused"
    LOST = "lost"
    RETURN_RECEIVED = "return_received"


_FOLLOWS: dict[Status, set[Status]] = {
    Status.BOOKED: set(Status) - {Status.BOOKED},
    Status.PICKED_UP: set(Status) - {Status.BOOKED, Status.PICKED_UP},
    Status.IN_TRANSIT: {Status.DELIVERED, Status.REFUSED, Status.LOST, Status.RETURN_RECEIVED},
    Status.REFUSED: {Status.RETURN_RECEIVED, Status.LOST},
    Status.LOST: {Status.DELIVERED, Status.RETURN_RECEIVED},  # it does turn up again
    Status.DELIVERED: set(),
    Status.RETURN_RECEIVED: set(),
}


class CannotMove(Exception):
    """Nothing like this can happen to the shipment any more."""

    def __init__(self, shipment: "Shipment", wanted: Status) -> None:
        self.possible = sorted(_FOLLOWS[shipment.status])
        super().__init__(f"{shipment.tracking} is {shipment.status} and cannot become {wanted}")


class Address(BaseModel):
    """Who and where; anything else that is known of the place is printed nowhere and kept."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1, max_length=200)
    lines: list[str] = Field([], max_length=6)
    city: str = ""
    postal_code: str = ""
    country: str = Field(pattern="^[A-Z]{2}$")
    phone: str | None = None
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError):
            raise ValueError(f"no such time zone: {value!r}") from None
        return value


class Parcel(BaseModel):
    model_config = ConfigDict(extra="allow")

    description: str = ""
    weight_kg: float = Field(1.0, gt=0)
    lithium: bool = False


class Booking(BaseModel):
    """What we order: `reference` is ours, and unique."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    reference: str = Field(min_length=1, max_length=100)
    service: str = "next_business_day"
    sender: Address = Field(alias="from")
    recipient: Address = Field(alias="to")
    parcels: list[Parcel] = Field(min_length=1)
    direction: Literal["outbound", "return"] = "outbound"
    promised_by: AwareDatetime | date | None = None


class Moved(BaseModel):
    status: Status
    at: AwareDatetime


class Shipment(Booking):
    """A booking with its tracking number, its plan and what has happened. Instants are sandbox time, UTC."""

    tracking: str
    booked_at: AwareDatetime
    planned_delivery: AwareDatetime
    status: Status = Status.BOOKED
    history: list[Moved] = []
    plan: list[Moved] = []

    @classmethod
    def book(cls, booking: Booking, now: datetime) -> Self:
        """An outbound parcel is collected at once and arrives as planned; a return waits until somebody hands it over."""
        planned = _planned_delivery(booking, now)
        plan = []
        if booking.direction == "outbound":
            departure = min(now + _DEPARTURE, now + (planned - now) / 2)
            plan = [
                Moved(status=Status.PICKED_UP, at=now),
                Moved(status=Status.IN_TRANSIT, at=departure),
                Moved(status=Status.DELIVERED, at=planned),
            ]
        tracking = f"SX{secrets.randbelow(10**12):012}"
        return cls(**dict(booking), tracking=tracking, booked_at=now, planned_delivery=planned, plan=plan)

    @property
    def next_due(self) -> datetime | None:
        """When it moves by itself next."""
        return self.plan[0].at if self.plan else None

    @property
    def sequence(self) -> int:
        """How many times it has moved; each notice carries its own."""
        return len(self.history)

    def follow_plan(self) -> Moved:
        """The next planned move, at the time it was planned for, however late the clock noticed."""
        return self.move(self.plan[0].status, self.plan[0].at)

    def move(self, to: Status, at: datetime) -> Moved:
        """Something happens to it. Raises CannotMove once it has arrived."""
        if to not in _FOLLOWS[self.status]:
            raise CannotMove(self, to)
        moved = Moved(status=to, at=at.astimezone(UTC))
        self.status, self.history = to, [*self.history, moved]
        if self.direction == "return" and to is Status.PICKED_UP:
            self.planned_delivery = moved.at + _RETURN_TRANSIT
            self.plan = [
                Moved(status=Status.IN_TRANSIT, at=moved.at + _DEPARTURE),
                Moved(status=Status.RETURN_RECEIVED, at=self.planned_delivery),
            ]
        elif to in (Status.PICKED_UP, Status.IN_TRANSIT):
            self.plan = [each for each in self.plan if each.status in _FOLLOWS[to]]
        else:
            self.plan = []
        return moved


def _planned_delivery(booking: Booking, now: datetime) -> datetime:
    promised = booking.promised_by
    if isinstance(promised, datetime):
        planned = promised
    elif promised:
        planned = datetime.combine(promised, _DELIVERY_HOUR, ZoneInfo(booking.recipient.time_zone))
    else:
        planned = now + _USUAL_TRANSIT
    return max(planned.astimezone(UTC), now + _SOONEST_DELIVERY)
