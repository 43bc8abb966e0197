"""Views: one's own, and those that are shared with one's role."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.kit.auth import STAFF, Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, contains, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.rows import Rows, visible
from services.cases.model.view import StaffRole, View

router = Router(tags=["views"])


class ViewOut(Out):
    """`GET /v1/cases?` and `query` are the cases of it, for whoever asks: `me` is the reader."""

    id: UUID
    name: str
    query: str
    shared_with: list[StaffRole]
    owner: UUID
    created_at: datetime


class ViewList(Listing):
    q: Words = None
    sort: str = order("name")


def views_visible_to(caller: Principal) -> Rows:
    shared = contains(View.c.shared_with, [caller.role])
    return [sa.or_(View.c.owner == caller.person_id, shared) if caller.person_id else shared]


@router.get("/v1/views", dependencies=[allow(*STAFF)])
async def list_views_route(tx: Tx, caller: Caller, asked: Annotated[ViewList, Query()]) -> Page[ViewOut]:
    """By name."""
    return await listed(tx, View, asked, views_visible_to(caller), out=ViewOut.model_validate)


@router.get("/v1/views/{view_id}", dependencies=[allow(*STAFF)])
async def get_view_route(view_id: UUID, tx: Tx, caller: Caller) -> ViewOut:
    return ViewOut.model_validate(await visible(View, view_id, views_visible_to(caller), tx))
