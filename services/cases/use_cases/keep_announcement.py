"""An engineer says to all whom it concerns that there is trouble, and that it is over (S25)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import Field, StringConstraints

from libs.events.cases_work import AnnouncementUpdated
from libs.events.values import Impact, Instant, Severity
from libs.kit.auth import ENGINEERS
from libs.kit.fields import Country, Line, ProductNumber, Reason, Storable
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.cases.model.announcement import Announcement
from services.cases.model.case import Case
from services.cases.model.incident import must_be_one
from services.cases.model.problem import Problem
from services.cases.queries.announcements import AnnouncementOut, announcement_out

router = Router(tags=["announcements"])
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000), Storable]


class NoSuchProblem(Unprocessable):
    """An announcement names a problem that there is."""


class Title(Command):
    vi: Line
    en: Line


class Messages(Command):
    vi: Message
    en: Message


class AnnouncementFields(Command):
    """To whom it is shown is said by products or families, countries, or a cloud partner; by none of them, it is shown to all."""

    title: Title
    text: Messages
    product_numbers: Annotated[list[ProductNumber], Field(max_length=50)] = Field(default_factory=list)
    families: Annotated[list[Line], Field(max_length=20)] = Field(default_factory=list)
    countries: Annotated[list[Country], Field(max_length=50)] = Field(default_factory=list)
    partner_ids: Annotated[list[UUID], Field(max_length=20)] = Field(default_factory=list)
    problem_id: UUID | None = None
    """Of which problem it tells: cases that are opened from it are linked to that, and are told its symptom."""
    case_id: UUID | None = None
    """The case of the incident that cases opened from it are part of."""
    observed_impact: Impact
    severity: Severity
    ends_at: Instant | None = None


class Announce(New, AnnouncementFields):
    starts_at: Instant | None = None
    """At once where it is not said."""


class ChangeAnnouncement(Patch, AnnouncementFields):
    starts_at: Instant


class EndAnnouncement(Command):
    reason: Reason


async def _check(announcement: Announcement, tx: Transaction) -> None:
    """Raises EndsBeforeItBegins, NoSuchProblem, NoSuchIncident."""
    announcement.must_end_later()
    if announcement.problem_id and await tx.find(Problem, announcement.problem_id) is None:
        raise NoSuchProblem("There is no such problem.", problem_id=str(announcement.problem_id))
    if announcement.case_id:
        must_be_one(await tx.find(Case, announcement.case_id), announcement.case_id)


def _tell(announcement: Announcement, by: str, tx: Transaction) -> None:
    tx.emit(AnnouncementUpdated(**announcement.facts() | {"by": by, "updated_at": tx.now}))


@router.post("/v1/announcements", dependencies=[allow(*ENGINEERS)], status_code=201)
async def announce_route(cmd: Announce, tx: Tx, caller: Caller, response: Response) -> AnnouncementOut:
    by = caller.scope.actor
    starts_at: datetime = cmd.starts_at or tx.now
    announcement = cmd.make(Announcement, tx, starts_at=starts_at, history=[], created_by=by)
    announcement.note(["announced"], by, tx.now)
    await _check(announcement, tx)
    _tell(announcement, by, tx)
    response.headers["location"] = f"/v1/announcements/{announcement.id}"
    return announcement_out(announcement, caller)


@router.patch("/v1/announcements/{announcement_id}", dependencies=[allow(*ENGINEERS)])
async def change_announcement_route(
    announcement_id: UUID, cmd: ChangeAnnouncement, tx: Tx, caller: Caller
) -> AnnouncementOut:
    announcement = await Announcement.get(announcement_id, tx, lock=True)
    if changed := cmd.apply_to(announcement):
        announcement.note(changed, caller.scope.actor, tx.now)
        await _check(announcement, tx)
        _tell(announcement, caller.scope.actor, tx)
    return announcement_out(announcement, caller)


@router.post("/v1/announcements/{announcement_id}/end", dependencies=[allow(*ENGINEERS)])
async def end_announcement_route(
    announcement_id: UUID, cmd: EndAnnouncement, tx: Tx, caller: Caller
) -> AnnouncementOut:
    """It is over: it is shown to customers no more."""
    announcement = await Announcement.get(announcement_id, tx, lock=True)
    announcement.must_be_in_force(tx.now)
    announcement.ends_at = tx.now
    announcement.note(["ends_at"], caller.scope.actor, tx.now, cmd.reason)
    _tell(announcement, caller.scope.actor, tx)
    return announcement_out(announcement, caller)
