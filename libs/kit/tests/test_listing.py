"""Lists: narrowed, in any order, page after page, while rows are added."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
import pytest_asyncio

from libs.kit import listing
from libs.kit.listing import DatedListing, Listing, UnknownOrder, contains, is_set, listed, order
from libs.kit.problems import BadRequest
from libs.store import Database, Entity, Scope, UpdatedAt
from libs.store.ids import new_id
from tests.support.tables import lent_database

WORKER = Scope("worker")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class Ticket(Entity, table="tickets", indexes=(("state", "place", "id"),)):
    state: str
    lane: str
    place: int
    opened_at: datetime
    closed_at: datetime | None = None
    updated_at: UpdatedAt = field(init=False)
    marks: dict[str, int]


class TicketList(Listing):
    state: list[str] | None = None
    lane: str | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    word: str | None = None
    """No column is called so: the route's own to apply."""
    sort: str = order("-place", "opened_at", "lane", "id")


class ChangedTicketList(DatedListing):
    lane: str | None = None
    sort: str = order("-place", "updated_at")


class FoundTicketList(TicketList):
    found_by: ClassVar[Sequence[str]] = ("state", "lane")

    q: str | None = None


SORTS = TicketList.orders()


def a_ticket(state: str, lane: str, n: int) -> Ticket:
    closed_at = FIRST if n % 5 == 0 else None
    return Ticket(
        id=new_id(), state=state, lane=lane, place=n * 7 % 13, opened_at=FIRST + timedelta(hours=n),
        closed_at=closed_at, marks={state: n},
    )  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def tickets(postgres_url: str) -> AsyncIterator[Database]:
    """Sixty: each state and lane, five times, at places that repeat."""
    async with lent_database(postgres_url, Ticket) as (_, url):
        database = await Database.connect(url, size=2)
        async with database.transaction(WORKER) as tx:
            for n, (state, lane, _) in enumerate(product("abcd", "xyz", range(5))):
                tx.add(a_ticket(state, lane, n))
        yield database
        await database.close()


def key_of(ticket: Ticket, sort: str) -> tuple[Any, UUID]:
    return getattr(ticket, sort.removeprefix("-")), ticket.id


async def find(database: Database, asked: Listing, *rows: Any) -> list[Ticket]:
    async with database.transaction(WORKER) as tx:
        return (await listed(tx, Ticket, asked, rows, out=lambda ticket: ticket)).items


@pytest.mark.parametrize("states", [["a"], ["b", "d"], ["c", "c", "a"], ["nobody's", "d"], [*"abcd"]])
@pytest.mark.parametrize("lane", [None, "x"])
@pytest.mark.parametrize("sort", SORTS)
async def test_one_of_several_values_gives_the_page_that_a_filter_over_all_gives(
    tickets: Database, states: list[str], lane: str | None, sort: str
) -> None:
    everything = await find(tickets, TicketList(limit=200))
    assert len(everything) == 60
    fits = [each for each in everything if each.state in states and lane in (None, each.lane)]
    expected = sorted(fits, key=lambda each: key_of(each, sort), reverse=sort.startswith("-"))
    for limit in (1, 7, 200):
        found = await find(tickets, TicketList(state=states, lane=lane, sort=sort, limit=limit))
        assert [each.to_row() for each in found] == [each.to_row() for each in expected[:limit]]


@pytest.mark.parametrize("seed", range(30))
async def test_a_walk_visits_each_row_once_in_its_order_while_others_are_added(tickets: Database, seed: int) -> None:
    random = Random(seed)
    sort, limit = random.choice(SORTS), random.randint(1, 9)
    states = random.sample("abcd", random.randint(1, 4))
    there = {each.id for each in await find(tickets, TicketList(state=states, limit=200))}
    seen: list[Ticket] = []
    cursor: str | None = None
    for _ in range(200):
        async with tickets.transaction(WORKER) as tx:
            asked = TicketList(state=states, sort=sort, limit=limit, cursor=cursor)
            page = await listed(tx, Ticket, asked, out=lambda ticket: ticket)
            seen, cursor = [*seen, *page.items], page.next_cursor
            for n in range(random.randint(0, 2) if len(seen) < 60 else 0):
                tx.add(a_ticket(random.choice("abcd"), random.choice("xyz"), random.randint(0, 100) + n))
        if cursor is None:
            break
        assert len(page.items) == limit
    ids = [each.id for each in seen]
    assert cursor is None
    assert len(ids) == len(set(ids))
    assert there <= set(ids)
    assert seen == sorted(seen, key=lambda each: key_of(each, sort), reverse=sort.startswith("-"))


async def test_what_changed_since_comes_in_the_order_of_the_changes(tickets: Database) -> None:
    everything = await find(tickets, TicketList(limit=200))
    since = max(each.updated_at for each in everything) + timedelta(microseconds=1)
    assert await find(tickets, ChangedTicketList(updated_since=since)) == []
    changed = Random(1).sample([each.id for each in everything], 7)
    for id in [*changed, *changed[:2]]:
        async with tickets.transaction(WORKER) as tx:
            (await Ticket.get(id, tx, lock=True)).place += 1
    async with tickets.transaction(WORKER) as tx:
        for each in await tx.select(Ticket, lock=True):
            each.place += 0
    expected = [*changed[2:], *changed[:2]]
    for sort, ids in (({}, expected), ({"sort": "updated_at"}, expected), ({"sort": "-updated_at"}, expected[::-1])):
        seen: list[UUID] = []
        cursor: str | None = None
        for _ in range(len(ids)):
            asked = ChangedTicketList(updated_since=since, limit=3, cursor=cursor, **sort)
            async with tickets.transaction(WORKER) as tx:
                page = await listed(tx, Ticket, asked, out=lambda ticket: ticket)
            seen, cursor = [*seen, *(each.id for each in page.items)], page.next_cursor
            if cursor is None:
                break
        assert seen == ids
    with pytest.raises(UnknownOrder):
        ChangedTicketList(updated_since=since, sort="-place")


async def test_what_is_claimed_has_the_time_at_which_it_was(tickets: Database) -> None:
    async with tickets.transaction(WORKER) as tx:
        [claimed] = await tx.claim([a_ticket("claimed", "x", 1)])
        at = tx.now
    assert (
        [each.updated_at for each in await find(tickets, TicketList(state=["claimed"]))] == [at] == [claimed.updated_at]
    )


async def test_a_range_holds_its_beginning_and_not_its_end(tickets: Database) -> None:
    since, until = FIRST + timedelta(hours=3), FIRST + timedelta(hours=6)
    found = await find(tickets, TicketList(opened_from=since, opened_before=until, sort="opened_at"))
    assert [each.opened_at - FIRST for each in found] == [timedelta(hours=n) for n in (3, 4, 5)]


async def test_what_no_column_is_called_narrows_nothing_by_itself(tickets: Database) -> None:
    assert len(await find(tickets, TicketList(word="a", limit=200))) == 60
    assert len(await find(tickets, TicketList(limit=200), contains(Ticket.c.marks, {"a": 3}))) == 1
    closed = [
        len(await find(tickets, TicketList(limit=200), *is_set(Ticket.c.closed_at, w))) for w in (True, False, None)
    ]
    assert closed == [12, 48, 60]


async def test_an_order_that_is_not_offered_is_refused_with_those_that_are(tickets: Database) -> None:
    for sort in ("closed_at", "--place", "", "state; drop"):
        with pytest.raises(UnknownOrder) as refused:
            await find(tickets, TicketList(sort=sort))
        assert refused.value.extra["known"] == [
            "-place",
            "place",
            "opened_at",
            "-opened_at",
            "lane",
            "-lane",
            "id",
            "-id",
        ]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_cursor_of_one_order_is_refused_in_every_other(tickets: Database, sort: str) -> None:
    async with tickets.transaction(WORKER) as tx:
        cursor = (await listed(tx, Ticket, TicketList(sort=sort, limit=1), out=lambda ticket: ticket)).next_cursor
    for other in SORTS:
        if other != sort:
            with pytest.raises(BadRequest):
                await find(tickets, TicketList(sort=other, cursor=cursor))


async def test_each_row_comes_with_its_etag_and_what_shows_it_may_ask_more(tickets: Database) -> None:
    async with tickets.transaction(WORKER) as tx:
        changed = (await tx.select(Ticket, lock=True))[0]
        changed.place = 99

    async def show(ticket: Ticket) -> str:
        return ticket.state

    async with tickets.transaction(WORKER) as tx:
        page = await listed(tx, Ticket, TicketList(limit=3), out=show)
    assert page.etags[str(changed.id)] == '"1"'
    assert list(page.etags.values())[1:] == ['"0"', '"0"']
    assert {*page.items} <= {*"abcd"}


async def test_a_number_or_a_serial_is_found_however_it_was_typed(tickets: Database) -> None:
    async with tickets.transaction(WORKER) as tx:
        one = tx.add(a_ticket("T-1", "S4-77", 3))
        two = tx.add(a_ticket("S4-77", "z", 4))
    for typed in ("s4-77", " S/N: S4-77 "):
        assert {each.id for each in await find(tickets, FoundTicketList(q=typed))} == {one.id, two.id}
    assert [each.id for each in await find(tickets, FoundTicketList(q="t-1", state=["T-1"]))] == [one.id]
    assert await find(tickets, FoundTicketList(q="t-1", state=["a"])) == []


class OwnTicketList(TicketList):
    own: ClassVar[frozenset[str]] = frozenset({"lane"})


async def test_a_filter_of_the_route_s_own_narrows_nothing_though_a_column_is_called_so(tickets: Database) -> None:
    assert len(await find(tickets, TicketList(lane="x", limit=200))) == 20
    assert len(await find(tickets, OwnTicketList(lane="x", limit=200))) == 60
    assert len(await find(tickets, OwnTicketList(lane="x", state=["a"], limit=200))) == 15


class CountedTicketList(TicketList):
    lane: Literal["x", "y", "z", "nobody's"] | None = None
    counts: list[Literal["lane"]] | None = None


async def test_each_value_of_a_filter_is_counted_as_if_it_was_not_asked_for(tickets: Database) -> None:
    async with tickets.transaction(WORKER) as tx:
        asked = CountedTicketList(lane="y", state=["a", "b"], counts=["lane"], limit=3)
        page = await listed(tx, Ticket, asked, [Ticket.c.place < 12], out=lambda ticket: ticket.lane)
        everything = await tx.select(Ticket, Ticket.c.place < 12, Ticket.c.state.in_(["a", "b"]))
    assert page.items == ["y", "y", "y"]
    assert page.counts == {
        "lane": {each: sum(t.lane == each for t in everything) for each in ("x", "y", "z", "nobody's")}
    }
    assert page.counts["lane"]["x"] > 0 == page.counts["lane"]["nobody's"]


async def test_of_each_value_no_more_are_counted_than_the_most(
    tickets: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_COUNTED", 16)
    async with tickets.transaction(WORKER) as tx:
        for n in range(15):
            tx.add(a_ticket("a", "nobody's", n))
    async with tickets.transaction(WORKER) as tx:
        page = await listed(tx, Ticket, CountedTicketList(counts=["lane"]), out=lambda ticket: ticket.lane)
    assert page.counts == {"lane": {"x": 16, "y": 16, "z": 16, "nobody's": 15}}
