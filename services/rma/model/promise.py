"""The two dates, as arithmetic on calendars and nothing else.

`contract_due` is what was sold: the destination's next business day after the diagnosis, under the plan's published cut-off.
`forecast` is what will happen: from the depot's days and cut-off over the lane to the destination's days. Its reasons account for
every day between the asking (the date at the depot) and the promised date (at the destination): their days add up to it.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from libs.events.values import Instant, PromiseReason
from libs.kit.calendar import Calendar

_DAY = timedelta(days=1)
_WEEKEND = "weekend"


class Promise(BaseModel):
    """A date at the destination, the instant it runs out, when the parcel must leave the depot for it, and why that date."""

    model_config = ConfigDict(frozen=True)

    promised: date
    promised_by: Instant
    departs_at: Instant
    reasons: list[PromiseReason]


class ContractDue(NamedTuple):
    """The last day on which the contract is kept, at the destination."""

    day: date
    # The first instant after that day, at the destination.
    ends_at: datetime


@dataclass(frozen=True)
class Way:
    """From a depot to a destination: both calendars, the hour the parcels leave, the lane's nights, the hour it delivers by."""

    depot: Calendar
    cut_off: str
    transit_days: int
    delivers_by: str
    destination: Calendar

    def leaves_at(self, day: date) -> datetime:
        """When the parcels of a day that the depot works leave it: at the cut-off, or as the depot's doors close before it."""
        cut_off = self.depot.at(day, self.cut_off)
        open_by_then = [window for window in self.depot.windows_on(day) if window.start < cut_off]
        return min(cut_off, open_by_then[-1].end) if open_by_then else cut_off

    def last_call(self, day: date) -> str:
        """The same in words."""
        leaves_at = self.leaves_at(day)
        if leaves_at == self.depot.at(day, self.cut_off):
            return f"the depot's cut-off, {self.cut_off}"
        return f"the depot closed, {leaves_at.astimezone(self.depot.zone):%H:%M}"


def contract_due(diagnosed_at: datetime, cut_off: str, destination: Calendar) -> ContractDue:
    """A diagnosis at or after the cut-off, or on a day not worked, counts as one of the next business day."""
    day = destination.local_date(diagnosed_at)
    if diagnosed_at >= destination.at(day, cut_off):
        day += _DAY
    due = destination.next_working_day(destination.working_day_on_or_after(day))
    return ContractDue(due, destination.at(due + _DAY, "00:00"))


def forecast(asked_at: datetime, way: Way, now: datetime | None = None) -> Promise:
    """What can be promised for a part that is free in the depot since `asked_at`. With `now`, and has not left by then: what the depot
    let pass is the depot's."""
    asked_on = way.depot.local_date(asked_at)
    leaves_on, reasons = asked_on, list[PromiseReason]()
    if way.depot.is_working_day(asked_on) and asked_at >= way.leaves_at(asked_on):
        reasons.append(PromiseReason(code="depot_cut_off", text=f"asked after {way.last_call(asked_on)}", days=1))
        leaves_on += _DAY
    leaves_on, closed = _first_worked(way.depot, leaves_on, "depot")
    reasons += closed
    while way.leaves_at(leaves_on) <= (now or asked_at):
        reasons.append(PromiseReason(code="depot_late", text=f"not shipped before {way.last_call(leaves_on)}", days=1))
        leaves_on, closed = _first_worked(way.depot, leaves_on + _DAY, "depot")
        reasons += closed
    return _arrival(way.leaves_at(leaves_on), leaves_on, way, _joined(reasons))


def _joined(reasons: list[PromiseReason]) -> list[PromiseReason]:
    alike = (list(each) for _, each in groupby(reasons, lambda reason: (reason.code, reason.text)))
    return [each[0].model_copy(update={"days": sum(reason.days for reason in each)}) for each in alike]


def forecast_under_way(departed_at: datetime, way: Way) -> Promise:
    """What can be promised for a parcel that left the depot at `departed_at`, counted from that day."""
    return _arrival(departed_at, way.depot.local_date(departed_at), way, [])


def forecast_late(promise: Promise, now: datetime, way: Way) -> Promise:
    """The promise ran out with the parcel still on its way: the next day the destination works, the carrier being the reason."""
    there = way.destination
    day = there.next_working_day(max(there.local_date(now), promise.promised))
    late = PromiseReason(code="carrier_late", text="the carrier is late", days=(day - promise.promised).days)
    return Promise(
        promised=day, promised_by=_delivery(way, day), departs_at=promise.departs_at, reasons=[*promise.reasons, late]
    )


def forecast_for(promise: Promise, day: date, way: Way, code: str, text: str, *, by: datetime | None = None) -> Promise:
    """The promise for another day than before, for this reason; `by`: the carrier's own hour."""
    days = (day - promise.promised).days
    return Promise(
        promised=day,
        promised_by=by or _delivery(way, day),
        departs_at=promise.departs_at,
        reasons=[*promise.reasons, *([PromiseReason(code=code, text=text, days=days)] if days else [])],
    )


def _arrival(departs_at: datetime, left_on: date, way: Way, reasons: list[PromiseReason]) -> Promise:
    seen_there = way.destination.local_date(departs_at)
    if zone := (seen_there - left_on).days:
        reasons.append(
            PromiseReason(code="time_zone", text="the destination's date differs from the depot's", days=zone)
        )
    nights = f"transit, {way.transit_days} day{'' if way.transit_days == 1 else 's'}"
    reasons.append(PromiseReason(code="transit", text=nights, days=way.transit_days))
    arrives_on, closed = _first_worked(way.destination, seen_there + way.transit_days * _DAY, "destination")
    by = _delivery(way, arrives_on)
    # A lane of no nights, and the hour of delivery has passed when the parcel leaves.
    if by <= departs_at:
        text = f"leaves after the destination's hour of delivery, {way.delivers_by}"
        closed.append(PromiseReason(code="delivery_hour", text=text, days=1))
        arrives_on, more = _first_worked(way.destination, arrives_on + _DAY, "destination")
        closed += more
        by = _delivery(way, arrives_on)
    return Promise(promised=arrives_on, promised_by=by, departs_at=departs_at, reasons=[*reasons, *closed])


def _delivery(way: Way, day: date) -> datetime:
    windows = way.destination.windows_on(day)
    by = way.destination.at(day, way.delivers_by)
    return min(by, windows[-1].end) if windows else by


def _first_worked(place: Calendar, day: date, where: str) -> tuple[date, list[PromiseReason]]:
    worked = place.working_day_on_or_after(day)
    closed = [place.closure_reason(day + i * _DAY) or "" for i in range((worked - day).days)]
    reasons = []
    for name, days in groupby(closed):
        code = _WEEKEND if name == _WEEKEND else f"{where}_holiday"
        reasons.append(PromiseReason(code=code, text=f"{name} at the {where}", days=len(list(days))))
    return worked, reasons
