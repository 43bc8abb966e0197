"""Two persons exchange turns: two overrides that stand and fall together."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.kit.fields import Line
from libs.kit.problems import Conflict, Unprocessable
from libs.store.ids import new_id
from services.escalation.model.layer import Turn, When
from services.escalation.model.override import Override
from services.escalation.model.roster import Roster


class NotTheirTurn(Unprocessable):
    """A turn that is exchanged is wholly the person's who gives it, and is not over."""


class OnCallTwice(Conflict):
    """After the exchange somebody would be on call in two layers at once."""


class GivenTurn(BaseModel):
    """Whose turn is given: the one in this layer that holds at this instant, from hand-over to hand-over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person_id: UUID
    layer: Line
    at: When


def swap(
    roster: Roster, first: GivenTurn, second: GivenTurn, *, reason: str, by: str, now: datetime
) -> tuple[Override, Override]:
    """Each half stands in for the other, a turn that has begun from now on. The roster holds from now until both turns are over.

    Raises NoSuchLayer, NotTheirTurn, OnCallTwice.
    """
    if first.person_id == second.person_id:
        raise NotTheirTurn("Two different people exchange turns.", id=str(first.person_id))
    # Who is away has the turn still, and exchanges it for that very reason.
    roster = replace(roster, absences=())
    swap_id = new_id()
    halves = []
    for given, taker in ((first, second), (second, first)):
        turn = turn_of(roster, given, now)
        half = Override(
            id=new_id(),
            rota_id=roster.rota.id,
            layer=given.layer,
            starts=max(turn.starts, now),
            ends=turn.ends,
            person_id=taker.person_id,
            replaces=given.person_id,
            reason=reason,
            by=by,
            created_at=now,
            swap_id=swap_id,
        )
        halves.append(half)
    after = Roster(roster.rota, [*roster.overrides, *halves])
    for half in halves:
        if instant := _first_twice(roster, after, half):
            raise OnCallTwice(
                "One of them would be on call in two layers at once.",
                id=str(half.person_id),
                at=instant.isoformat(),
                possible=[],
            )
    return halves[0], halves[1]


def turn_of(roster: Roster, given: GivenTurn, now: datetime) -> Turn:
    """Raises NoSuchLayer, NotTheirTurn."""
    layer = roster.layer(given.layer)
    turn = layer.turn_at(given.at)
    if turn is None or turn.ends <= now:
        raise NotTheirTurn("There is no turn at that instant, or it is over.", id=str(given.person_id))
    holders = {shift.person_id for shift in roster.shifts_of(layer, max(turn.starts, now), turn.ends)}
    if holders != {given.person_id}:
        raise NotTheirTurn(
            "The turn is not theirs, or not all of it.", id=str(given.person_id), starts=turn.starts, ends=turn.ends
        )
    return turn


def _first_twice(before: Roster, after: Roster, half: Override) -> datetime | None:
    """When who takes this turn is first on call in two layers at once, and was not before."""
    shifts = after.shifts(half.starts, half.ends)
    for instant in (shift.starts for shift in shifts if shift.person_id == half.person_id):
        if _layers_of(after, half.person_id, instant) > max(1, _layers_of(before, half.person_id, instant)):
            return instant
    return None


def _layers_of(roster: Roster, person_id: UUID, at: datetime) -> int:
    return sum(roster.holder(layer, at) == person_id for layer in roster.rota.layers)
