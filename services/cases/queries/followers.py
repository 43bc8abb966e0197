"""Who follows a case, as whoever reads it may know."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.kit.auth import ACCOUNT_READERS, Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.kit.rows import Rows
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.follower import Follower
from services.cases.model.people import KnownPerson
from services.cases.queries.access import case_for

router = Router(tags=["cases"])


class FollowerOut(Out):
    """One of our own people, or a contact of the account."""

    id: UUID
    case_id: UUID
    person: NamedPerson | None
    contact_id: UUID | None
    by: str
    added_at: datetime


class FollowerList(Listing):
    sort: str = order("added_at")


def followers_shown_to(caller: Principal) -> Rows:
    """Staff see all, the customer's side the contacts of their account."""
    return [] if caller.staff else [Follower.c.contact_id.is_not(None)]


def followed_by(who: UUID, caller: Principal) -> sa.ColumnElement[bool]:
    """Cases that a person or a contact follows, as far as this caller may know."""
    kinds = ("person_id", "contact_id") if caller.staff else ("contact_id",)
    each = (sa.select(Follower.c.case_id).where(Follower.c[kind] == who) for kind in kinds)
    found: sa.ColumnElement[bool] = Case.c.id == sa.any_(sa.func.array(sa.union_all(*each).scalar_subquery()))
    return found


async def follower_out(follower: Follower, tx: Transaction) -> FollowerOut:
    person = None
    if follower.person_id:
        known = await tx.find(KnownPerson, follower.person_id)
        person = NamedPerson.of(follower.person_id, {known.id: known} if known else {})
    return FollowerOut.model_validate({**vars(follower), "person": person})


@router.get("/v1/cases/{case_id}/followers", dependencies=[allow(*ACCOUNT_READERS)])
async def list_followers_route(
    case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[FollowerList, Query()]
) -> Page[FollowerOut]:
    """Who began first comes first. The customer's side sees the contacts of the account."""
    await case_for(caller, case_id, tx)
    rows = [Follower.c.case_id == case_id, *followers_shown_to(caller)]
    return await listed(
        tx,
        Follower,
        asked,
        rows,
        out=lambda follower: follower_out(follower, tx),
        beside=lambda found: tx.find_many(KnownPerson, [each.person_id for each in found if each.person_id]),
    )
