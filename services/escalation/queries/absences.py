"""Who of us is away, and when."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.kit.auth import STAFF, Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson, PersonRequired
from libs.store import Transaction
from services.escalation.model.absence import Absence
from services.escalation.queries.our_people import known

router = Router(tags=["people"])


class AbsenceOut(Out):
    """`ends` lies outside. Taken back before it began it never held; later, it ended then."""

    id: UUID
    person: NamedPerson
    starts: datetime
    ends: datetime
    by: str
    created_at: datetime
    removed_at: datetime | None
    removed_by: str | None


async def absence_out(absence: Absence, tx: Transaction) -> AbsenceOut:
    person = NamedPerson.of(absence.person_id, await known([absence.person_id], tx))
    return AbsenceOut.model_validate({**vars(absence), "person": person})


async def absences_of(
    people: Collection[UUID], tx: Transaction, start: datetime, end: datetime | None = None
) -> list[Absence]:
    """Theirs that hold at `start`, or from then until `end`."""
    if not people:
        return []
    return await tx.select(
        Absence,
        Absence.c.person_id.in_(people),
        Absence.c.ends > start,
        Absence.c.starts < end if end else Absence.c.starts <= start,
        sa.or_(Absence.c.removed_at.is_(None), Absence.c.removed_at > start),
    )


class AbsenceList(Listing):
    own = frozenset({"person_id"})

    person_id: UUID | Literal["me"] | None = Field(None, description="whose; `me`: the caller's")
    ends_from: datetime | None = Field(None, description="not over by then")
    sort: str = order("-starts")


def whose(asked: UUID | str | None, caller: Principal) -> UUID | None:
    """Raises PersonRequired for a system that asks for its own."""
    if not isinstance(asked, str):
        return asked
    if caller.person_id is None:
        raise PersonRequired("A system is no person: say whose.", field="person_id")
    return caller.person_id


@router.get("/v1/absences", dependencies=[allow(*STAFF)])
async def list_absences_route(tx: Tx, caller: Caller, asked: Annotated[AbsenceList, Query()]) -> Page[AbsenceOut]:
    """Also those that are over or were taken back."""
    who = whose(asked.person_id, caller)
    rows = [Absence.c.person_id == who] if who else []
    return await listed(tx, Absence, asked, rows, out=lambda each: absence_out(each, tx))


@router.get("/v1/absences/{absence_id}", dependencies=[allow(*STAFF)])
async def get_absence_route(absence_id: UUID, tx: Tx) -> AbsenceOut:
    return await absence_out(await Absence.get(absence_id, tx), tx)
