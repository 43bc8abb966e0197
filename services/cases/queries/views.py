"""Views: one's own, and those that are shared with one's role."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.kit.auth import ENGINEERS, STAFF, Principal
from libs.kit.fields import Line
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
    queues: list[str]
    owner: UUID
    created_at: datetime


class ViewList(Listing):
    q: Words = None
    queue: Line | None = Field(None, description="those kept for this desk")
    sort: str = order("name")


def views_visible_to(caller: Principal) -> Rows:
    seen = [contains(View.c.shared_with, [caller.role])]
    if caller.role in ENGINEERS:
        seen.append(sa.func.jsonb_array_length(View.c.queues) > 0)
    if caller.person_id:
        seen.append(View.c.owner == caller.person_id)
    return [sa.or_(*seen)]


@router.get("/v1/views", dependencies=[allow(*STAFF)])
async def list_views_route(tx: Tx, caller: Caller, asked: Annotated[ViewList, Query()]) -> Page[ViewOut]:
    """By name."""
    of_desk = [contains(View.c.queues, [asked.queue])] if asked.queue else []
    return await listed(tx, View, asked, [*views_visible_to(caller), *of_desk], out=ViewOut.model_validate)


@router.get("/v1/views/{view_id}", dependencies=[allow(*STAFF)])
async def get_view_route(view_id: UUID, tx: Tx, caller: Caller) -> ViewOut:
    return ViewOut.model_validate(await visible(View, view_id, views_visible_to(caller), tx))
