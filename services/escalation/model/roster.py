"""A rota with those who stand in: who is on call at an instant, the shifts of a stretch, and where there is nobody."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from libs.kit.calendar import Calendar, calendar
from services.escalation.model.absence import Absence
from services.escalation.model.layer import Layer
from services.escalation.model.override import NoSuchLayer, NotInTheRota, Override
from services.escalation.model.people import Addressee, webhook_addressed
from services.escalation.model.rota import Rota


class Shift(NamedTuple):
    """A stretch, the end outside, in which one person is on call in one layer."""

    layer: str
    person_id: UUID
    starts: datetime
    ends: datetime


class Gap(NamedTuple):
    """A stretch, the end outside, in which somebody is to be on call and nobody is."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Roster:
    """`overrides` are the rota's that matter for what is asked, the oldest first: of two that hold, the newer one wins. `absences` are
    those of its people: who is away is not on call, and nobody is for them."""

    rota: Rota
    overrides: Sequence[Override] = ()
    absences: Sequence[Absence] = ()

    @property
    def people(self) -> list[UUID]:
        """Everybody who has turns or stands in."""
        return list(dict.fromkeys([*self.rota.people, *(each.person_id for each in self.overrides)]))

    def on_call(self, at: datetime) -> list[UUID]:
        """Who is on call, layer by layer, each once."""
        return list(dict.fromkeys(id for layer in self.rota.layers if (id := self.holder(layer, at))))

    def holder(self, layer: Layer, at: datetime) -> UUID | None:
        """Who is on call in this layer."""
        turn = who = layer.on_call(at)
        for each in self.overrides:
            if each.layer in (None, layer.name) and each.holds(at):
                who = each.stands_in_for(turn, who)
        return None if any(each.person_id == who and each.holds(at) for each in self.absences) else who

    def shifts(self, start: datetime, end: datetime) -> list[Shift]:
        """Those that lie between the two, cut off there, by their beginning; who goes on without a break has one shift."""
        found = (shift for layer in self.rota.layers for shift in self.shifts_of(layer, start, end))
        return sorted(found, key=lambda shift: (shift.starts, shift.layer))

    def shifts_of(self, layer: Layer, start: datetime, end: datetime) -> Iterator[Shift]:
        """The same of one layer."""
        overrides = [each for each in self.overrides if each.layer in (None, layer.name)]
        edges = {edge for each in overrides for edge in (each.starts, each.ends, each.removed_at) if edge}
        edges |= {edge for each in self.absences for edge in (each.starts, each.until)}
        instants = sorted({start, end, *(e for e in edges if start < e < end), *layer.edges(start, end)})
        last: Shift | None = None
        for begins, ends in pairwise(instants):
            who = self.holder(layer, begins)
            if last and who == last.person_id and begins == last.ends:
                last = last._replace(ends=ends)
                continue
            if last:
                yield last
            last = Shift(layer.name, who, begins, ends) if who else None
        if last:
            yield last

    def gaps(self, start: datetime, end: datetime) -> list[Gap]:
        """Within the rota's hours, or any time where it has none; cut off at both ends."""
        found, free_from = list[Gap](), start
        for shift in self.shifts(start, end):
            if shift.starts > free_from:
                found.append(Gap(free_from, shift.starts))
            free_from = max(free_from, shift.ends)
        if free_from < end:
            found.append(Gap(free_from, end))
        if self.rota.hours is None:
            return found
        hours = calendar(self.rota.hours)
        return [within for gap in found for within in _within(hours, gap)]

    def layer(self, name: str) -> Layer:
        """Raises NoSuchLayer."""
        found = next((each for each in self.rota.layers if each.name == name), None)
        if found is None:
            raise NoSuchLayer("The rota has no such layer.", layer=name, known=[each.name for each in self.rota.layers])
        return found

    def must_have(self, person_id: UUID, layer: str | None) -> None:
        """That somebody has turns, or stands in, there or anywhere. Raises NoSuchLayer, NotInTheRota."""
        layers = self.rota.layers if layer is None else [self.layer(layer)]
        turns = (id for each in layers for id in each.people)
        stand_ins = (each.person_id for each in self.overrides if layer is None or each.layer in (None, layer))
        if person_id not in (*turns, *stand_ins):
            raise NotInTheRota("They have no turn here and do not stand in.", field="replaces", id=str(person_id))

    def recipients(self, at: datetime) -> list[Addressee]:
        """Who is on call at that instant, then the webhook if there is one."""
        rota = self.rota
        people = [Addressee(kind=rota.purpose, id=id) for id in self.on_call(at)]
        return people + ([webhook_addressed(rota.webhook_url, rota.name, rota.id)] if rota.webhook_url else [])


def _within(hours: Calendar, gap: Gap) -> list[Gap]:
    """The parts of the gap that lie in these hours; what goes on over midnight is one."""
    found, day = list[Gap](), hours.local_date(gap.starts)
    while day <= hours.local_date(gap.ends) + timedelta(days=1):
        for window in hours.windows_on(day):
            starts, ends = max(window.start, gap.starts), min(window.end, gap.ends)
            if found and found[-1].ends == starts < ends:
                found[-1] = found[-1]._replace(ends=ends)
            elif starts < ends:
                found.append(Gap(starts, ends))
        day += timedelta(days=1)
    return found
