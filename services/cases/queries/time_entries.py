"""Time that was spent on a case, for staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.kit.auth import STAFF
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, is_set, listed, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.store import Transaction
from services.cases.model.case_values import Redacted
from services.cases.model.people import KnownPerson
from services.cases.model.time_entry import TimeEntry, TimeKind
from services.cases.queries.access import case_for

router = Router(tags=["time-entries"])


class TimeEntryOut(Out):
    id: UUID
    case_id: UUID
    person: NamedPerson
    minutes: int
    kind: TimeKind
    words: str | None
    spent_at: datetime
    by: str
    added_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    redacted: Redacted | None


class TimeEntryList(Listing):
    kind: TimeKind | None = None
    person_id: UUID | None = None
    withdrawn: bool | None = Field(None, description="whether it counts no more")
    sort: str = order("-spent_at")


async def time_entry_out(entry: TimeEntry, tx: Transaction) -> TimeEntryOut:
    person = await tx.find(KnownPerson, entry.person_id)
    named = NamedPerson.of(entry.person_id, {person.id: person} if person else {})
    return TimeEntryOut.model_validate({**entry.__dict__, "person": named})


async def minutes_spent_on(case_id: UUID, tx: Transaction) -> int:
    """What was not withdrawn."""
    counts = TimeEntry.c.case_id == case_id, TimeEntry.c.withdrawn_at.is_(None)
    [(minutes,)] = await tx.fetch(sa.select(sa.func.coalesce(sa.func.sum(TimeEntry.c.minutes), 0)).where(*counts))
    return int(minutes)


@router.get("/v1/cases/{case_id}/time-entries", dependencies=[allow(*STAFF)])
async def list_time_entries_route(
    case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[TimeEntryList, Query()]
) -> Page[TimeEntryOut]:
    """The newest first; what is withdrawn too. `minutes_spent` of the case is the sum of the others."""
    await case_for(caller, case_id, tx)
    rows = [TimeEntry.c.case_id == case_id, *is_set(TimeEntry.c.withdrawn_at, asked.withdrawn)]

    async def people(entries: Sequence[TimeEntry]) -> None:
        await tx.find_many(KnownPerson, [*{entry.person_id for entry in entries}])

    return await listed(tx, TimeEntry, asked, rows, out=lambda entry: time_entry_out(entry, tx), beside=people)
