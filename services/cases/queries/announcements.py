"""What is announced, and to whom it is shown: staff read all, others what is in force and concerns them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.events.values import Impact, Severity
from libs.kit.auth import CASE_READERS, Principal
from libs.kit.fields import ProductNumber
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import DatedListing, Out, contains, listed, order
from libs.kit.paging import Page
from libs.kit.rows import Rows, visible
from libs.store import Compiled, Reference, Transaction
from services.cases.model.announcement import Announcement, AnnouncementChange, Holdings, Words
from services.cases.model.people import KnownSite, KnownUnit

router = Router(tags=["announcements"])

_ALL = Compiled(sa.select(Announcement.table).order_by(Announcement.c.starts_at.desc(), Announcement.c.id))
_announced = Reference(lambda tx: tx.read_only(Announcement, _ALL))


class Announced(Out):
    """What everybody reads whom it concerns."""

    id: UUID
    title: Words
    text: Words
    product_numbers: list[str]
    families: list[str]
    countries: list[str]
    partner_ids: list[UUID]
    problem_id: UUID | None
    observed_impact: Impact
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None
    updated_at: datetime


class AnnouncementOut(Announced):
    """The rest is for staff, and left out for everybody else."""

    case_id: UUID | None = None
    history: list[AnnouncementChange] | None = None
    created_by: str | None = None


class AnnouncementList(DatedListing):
    in_force: bool | None = Field(None, description="now; others than staff see no others")
    problem_id: UUID | None = None
    product_number: ProductNumber | None = Field(None, description="that name it")
    sort: str = order("-starts_at", "updated_at")


def announcement_out(announcement: Announcement, caller: Principal) -> AnnouncementOut:
    if caller.staff:
        return AnnouncementOut.model_validate(announcement)
    return AnnouncementOut(**Announced.model_validate(announcement).model_dump())


async def in_force(tx: Transaction) -> list[Announcement]:
    """The newest first."""
    return [each for each in await _announced(tx) if each.in_force(tx.now)]


async def concerning(
    accounts: Collection[UUID], tx: Transaction, *, units: Collection[str] | None = None, partner_id: UUID | None = None
) -> list[Announcement]:
    """Of what is in force, what is about something of these accounts; about one of these products where they are said."""
    announced = await in_force(tx)
    if not announced:
        return []
    has = await _holdings(accounts, announced, tx, units)
    has = Holdings(has.product_numbers, has.families, has.countries, partner_id)
    return [each for each in announced if each.concerns(has)]


async def _holdings(
    accounts: Collection[UUID], announced: Sequence[Announcement], tx: Transaction, units: Collection[str] | None
) -> Holdings:
    """As far as it matters to these announcements."""
    products = {value for each in announced for value in each.product_numbers}
    families = {value for each in announced for value in each.families}
    countries = {value for each in announced for value in each.countries}
    of_units = [] if units is None else [KnownUnit.c.product_number.in_(units)]
    asked = [
        *_there(KnownUnit, "product_number", products if units is None else (), accounts),
        *_there(KnownUnit, "family", families, accounts, *of_units),
        *_there(KnownSite, "country", countries, accounts),
    ]
    found = await tx.fetch(sa.union_all(*asked)) if asked else []
    there = {
        name: {row["value"] for row in found if row["name"] == name} for name in ("product_number", "family", "country")
    }
    return Holdings(there["product_number"] if units is None else {*units}, there["family"], there["country"])


def _there(
    cls: type[KnownUnit | KnownSite],
    name: str,
    values: Iterable[str],
    accounts: Collection[UUID],
    *more: sa.ColumnElement[bool],
) -> list[sa.Select[str, str]]:
    """Which of the values one of the accounts has, each by the index of account and value."""
    return [
        sa.select(sa.literal(name, sa.Text()).label("name"), sa.literal(value, sa.Text()).label("value")).where(
            sa.exists().where(cls.c.account_id.in_(accounts), cls.c[name] == value, *more)
        )
        for value in sorted(values)
    ]


async def visible_to(caller: Principal, tx: Transaction) -> Rows:
    if caller.staff:
        return []
    found = await concerning(caller.accounts, tx, partner_id=caller.partner_id)
    return [Announcement.c.id.in_([each.id for each in found])]


async def announcement_for(caller: Principal, id: UUID, tx: Transaction, *, lock: bool = False) -> Announcement:
    """Raises NotFound."""
    return await visible(Announcement, id, await visible_to(caller, tx), tx, lock=lock)


@router.get("/v1/announcements", dependencies=[allow(*CASE_READERS)])
async def list_announcements_route(
    tx: Tx, caller: Caller, asked: Annotated[AnnouncementList, Query()]
) -> Page[AnnouncementOut]:
    """The newest first. A customer reads what is in force and about something of theirs: a product or family of their units, a country of
    their sites, or nothing in particular."""
    rows = await visible_to(caller, tx)
    if asked.in_force is not None:
        now = Announcement.c.id.in_([each.id for each in await in_force(tx)])
        rows.append(now if asked.in_force else sa.not_(now))
    if asked.product_number:
        rows.append(contains(Announcement.c.product_numbers, [asked.product_number]))
    shown = asked.model_copy(update={"product_number": None})
    return await listed(tx, Announcement, shown, rows, out=lambda each: announcement_out(each, caller))


@router.get("/v1/announcements/{announcement_id}", dependencies=[allow(*CASE_READERS)])
async def get_announcement_route(announcement_id: UUID, tx: Tx, caller: Caller) -> AnnouncementOut:
    return announcement_out(await announcement_for(caller, announcement_id, tx), caller)
