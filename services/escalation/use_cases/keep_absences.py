"""Somebody says when they are away, or a manager says it of them; the turns that they have then are gaps, and told as such."""

from datetime import date, timedelta
from typing import Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, model_validator

from libs.kit.auth import MANAGERS, STAFF, Principal
from libs.kit.fields import Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.listing import contains
from libs.kit.people import PersonRequired, must_be_here
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.escalation.model.absence import Absence, SomebodyElsesAbsence, Stretch, whole_days
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.known_person import KnownPerson
from services.escalation.model.layer import When
from services.escalation.model.override import Override
from services.escalation.model.rota import Rota
from services.escalation.queries.absences import AbsenceOut, absence_out
from services.escalation.queries.our_people import must_be_ours
from services.escalation.queries.people import GapOut
from services.escalation.queries.rosters import roster
from services.escalation.reactions.follow_desk import absence_changed
from services.escalation.reactions.watch_gaps import watch_gaps
from services.escalation.use_cases.keep_overrides import NotAStretch

router = Router(tags=["people"])
_LONGEST = timedelta(days=400)


class ZoneRequired(Unprocessable):
    """Whole days are somewhere: say in which zone, of somebody who is not at the desk."""


class SayAbsence(Command):
    """From an instant until another, or whole days in their zone."""

    person_id: UUID | None = Field(None, description="of somebody else a manager says it; null: one's own")
    starts: When | None = None
    ends: When | None = None
    first_day: date | None = Field(None, ge=date(2000, 1, 1), le=date(2200, 1, 1))
    last_day: date | None = Field(None, ge=date(2000, 1, 1), le=date(2200, 1, 1))
    time_zone: Zone | None = Field(None, description="of the days; null: that of their hours at the desk")

    @model_validator(mode="after")
    def _one_stretch(self) -> Self:
        instants, days = (self.starts, self.ends), (self.first_day, self.last_day)
        if (None in instants) == (None in days) or any(instants) == any(days):
            raise ValueError("say starts and ends, or first_day and last_day")
        return self


class TurnInVain(GapOut):
    """Nobody is on call meanwhile."""

    rota_id: UUID
    rota: str


class AbsenceAdded(AbsenceOut):
    """`gaps` are those that the rotas with a turn of theirs have meanwhile."""

    gaps: list[TurnInVain]


def stretch_of(cmd: SayAbsence, time_zone: str | None) -> Stretch:
    """Raises ZoneRequired."""
    if cmd.starts and cmd.ends:
        return Stretch(cmd.starts, cmd.ends)
    assert cmd.first_day
    assert cmd.last_day
    if time_zone is None:
        raise ZoneRequired("Say in which zone these days are.", field="time_zone")
    return whole_days(cmd.first_day, cmd.last_day, time_zone)


async def rotas_with(person_id: UUID, tx: Transaction) -> list[Rota]:
    """Those in which they have turns or stand in from now on, locked."""
    turns = contains(Rota.c.layers, [{"people": [str(person_id)]}])
    stands_in = sa.select(Override.c.rota_id).where(Override.c.person_id == person_id, Override.c.ends > tx.now)
    return await tx.select(Rota, sa.or_(turns, Rota.c.id.in_(stands_in)), lock=True)


async def _whose(cmd: SayAbsence, caller: Principal, tx: Transaction) -> UUID:
    """Raises PersonRequired, SomebodyElsesAbsence, NoSuchPerson, NotHereYet."""
    who = cmd.person_id or caller.person_id
    if who is None:
        raise PersonRequired("A system is never away: say person_id.", field="person_id")
    if who == caller.person_id:
        await must_be_here(KnownPerson, who, tx)
    elif caller.role not in MANAGERS:
        raise SomebodyElsesAbsence("A manager says of somebody else that they are away.", possible=[])
    else:
        await must_be_ours([who], tx)
    return who


@router.post("/v1/absences", status_code=201, dependencies=[allow(*STAFF)])
async def say_absence_route(cmd: SayAbsence, tx: Tx, caller: Caller) -> AbsenceAdded:
    """While it holds they are not on call, and are given no case."""
    who = await _whose(cmd, caller, tx)
    member = await tx.first(DeskMember, DeskMember.c.person_id == who)
    starts, ends = stretch_of(cmd, cmd.time_zone or (member.hours.time_zone if member else None))
    if ends <= max(starts, tx.now) or ends - starts > _LONGEST:
        raise NotAStretch(f"It ends after it starts, in time to come, within {_LONGEST.days} days.", field="ends")
    rotas = await rotas_with(who, tx)
    absence = tx.add(Absence(id=new_id(), person_id=who, starts=starts, ends=ends, by=caller.actor, created_at=tx.now))
    gaps = list[TurnInVain]()
    for rota in rotas:
        await watch_gaps(rota, tx)
        found = (await roster(rota, tx, max(starts, tx.now), ends)).gaps(max(starts, tx.now), ends)
        gaps += [TurnInVain(rota_id=rota.id, rota=rota.name, starts=gap.starts, ends=gap.ends) for gap in found]
    return AbsenceAdded(**dict(await absence_out(absence, tx)), gaps=gaps)


@router.delete("/v1/absences/{absence_id}", status_code=204, dependencies=[allow(*STAFF)])
async def remove_absence_route(absence_id: UUID, tx: Tx, caller: Caller) -> None:
    """They are not away after all, or back from now on; it stays in the list."""
    rotas = await rotas_with((await Absence.get(absence_id, tx)).person_id, tx)
    absence = await Absence.get(absence_id, tx, lock=True)
    absence.must_be_theirs(caller.person_id, manager=caller.role in MANAGERS)
    absence.remove(tx.now, caller.actor)
    for rota in rotas:
        await watch_gaps(rota, tx)
    await absence_changed(absence.person_id, tx)
