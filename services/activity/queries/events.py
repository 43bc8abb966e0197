"""The stream, read again from any position."""

from collections.abc import Collection, Sequence
from functools import reduce
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.kit.auth import CASE_READERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.store import Transaction
from services.activity.model.activity_event import activity_events, stream_position
from services.activity.model.types import known_types
from services.activity.queries.view import EventOut, View, values_of

router = Router(tags=["events"])
_c = activity_events.c
TYPES = "types, or what known types begin with; the name of an older version stands for the newest"


class EventPage(Page[EventOut]):
    """`position`: the stream holds nothing more for this request up to this position."""

    position: int


@router.get("/v1/events", dependencies=[allow(*CASE_READERS)])
async def list_events_route(
    paging: Paging,
    tx: Tx,
    caller: Caller,
    after: Annotated[int, Query(ge=0, lt=2**63, description="the position to begin after")] = 0,
    type: Annotated[tuple[Word, ...], Query(max_length=50, description=TYPES)] = (),
    case_id: UUID | None = None,
    account_id: UUID | None = None,
) -> EventPage:
    """The stream again, in its order, as `GET /v1/events/stream` sends it."""
    view = View.of(caller, account_id)
    # The position is read before the events: what comes in between is not promised.
    position = await last_position(tx)
    if key := paging.after(int):
        after = int(str(key[0]))
    types = known_types(type, public_only=view.public_only) if type else None
    if case_id is None:
        query = _merged(view, types, view.published, after, paging.limit + 1)
    else:
        where = [_c.case_id == case_id, view.position > after, *view.of_accounts, *view.published]
        where += [] if types is None else [_c.type == sa.any_(values_of(_c.type, types))]
        query = sa.select(activity_events).where(*where).order_by(view.position).limit(paging.limit + 1)
    events = page([view.out(record) for record in await tx.fetch(query)], paging.limit, lambda event: (event.seq,))
    reached = events.items[-1].seq if events.items else position
    return EventPage(
        items=events.items,
        next_cursor=events.next_cursor,
        position=reached if events.next_cursor else max(reached, position),
    )


def _merged(
    view: View, types: Sequence[str] | None, where: Sequence[sa.ColumnElement[bool]], after: int, limit: int
) -> "sa.Select[Any]":
    """The first events of these types and of the view's accounts after a position, in the order of positions.

    An index holds the events of one account and type in this order, and those of several in none: the first of each are
    read by themselves and put together. A type that is rare is found at once, wherever in the stream its events are.
    """
    wanted = ((_c.account_id, view.accounts), (_c.type, types))
    its = [(column, _each(column, values)) for column, values in wanted if values is not None]
    first = sa.select(activity_events).where(*where, view.position > after).limit(limit)
    if not its:
        return first.order_by(view.position)
    if view.accounts is None:
        [(_, each)] = its
        first = first.where(*_stretch(each.c.type, after)).order_by(_c.type, _c.seq)
    else:
        first = first.where(*(column == table.c[column.name] for column, table in its)).order_by(view.position)
    found = first.lateral("first")
    sources: list[sa.FromClause] = [*(table for _, table in its), found]
    joined = reduce(lambda left, right: left.join(right, sa.true()), sources)
    return sa.select(found).select_from(joined).order_by(found.c[view.position.name]).limit(limit)


def _stretch(type: sa.ColumnElement[str], after: int) -> list[sa.ColumnElement[bool]]:
    """The events of one type after a position, as a stretch of the index (type, seq).

    Of `type = …` the database believes that it will meet some soon, and walks the stream: for a rare type through all of it.
    """
    return [sa.tuple_(_c.type, _c.seq) > sa.tuple_(type, sa.literal(after)), _c.type <= type]


def _each(column: sa.Column[Any], values: Collection[Any]) -> sa.TableValuedAlias:
    """The values as a table with one column, named as `column` is."""
    its = sa.column(column.name, column.type)
    return sa.func.unnest(values_of(column, values)).table_valued(its).render_derived(name=f"each_{column.name}")


async def last_position(tx: Transaction) -> int:
    """The highest position given so far."""
    found = await tx.fetch(sa.select(stream_position.c.last))
    return found[0]["last"] if found else 0
