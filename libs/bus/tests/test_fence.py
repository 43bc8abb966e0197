"""The version fence: what it parks, what it lets through, what it calls a gap, against a small model of it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from libs.bus import Handlers
from libs.bus.applying import Applying, Halted, Held
from libs.bus.backlog import backlog
from libs.bus.batch import OutOfOrder, Partition
from libs.bus.envelope import Delivery
from libs.bus.metrics import version_gaps
from libs.bus.replay import NotOutOfOrder, accept, discard, replay
from libs.bus.tests.aging import a_stage_without_a_broker, begin_anew, delivered
from libs.bus.tests.stage import Stage
from libs.events import Event
from libs.store import Transaction
from libs.store.ids import new_id

LIMIT = 3
"""So many keys parked in a row halt the consumer of these tests."""
KEYS = [uuid4() for _ in range(4)]
Aggregate = tuple[str, UUID]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def stage(postgres_url: str) -> AsyncIterator[Stage]:
    async with a_stage_without_a_broker(postgres_url) as made:

        class PartMoved(Event, type=f"polyplus.{made.name}.part-moved", visibility="internal", subject="part_id"):
            """Of another kind than a thing, on the same topic."""

            part_id: UUID
            n: int

        made.kinds = {"thing": made.ThingMoved, "part": PartMoved}  # type: ignore[attr-defined]
        yield made


class Reader:
    """What the consumer does with its batches; what it applies is kept in the order in which it did."""

    def __init__(self, stage: Stage, *, hears_everything: bool = False) -> None:
        self.stage, self.applied, self.records = stage, list[Delivery](), list[Delivery]()
        self.handlers, self.halted = Handlers("reader"), False
        self.refused: set[UUID] = set()

        async def note(deliveries: Sequence[Delivery], _: Transaction) -> None:
            if any(d.event_id in self.refused for d in deliveries):
                raise ValueError("refused")
            self.pending += deliveries

        async def note_one(event: Any, tx: Transaction) -> None:
            assert isinstance(tx.cause, Delivery)
            await note([tx.cause], tx)

        self.pending: list[Delivery] = []
        if hears_everything:
            self.handlers.every(stage.topic)(note)
        else:
            self.handlers(*stage.kinds.values())(note_one)  # type: ignore[attr-defined]
        self.restart()

    def restart(self) -> None:
        self.applying = Applying(self.stage.database, self.handlers, dead_letter_limit=LIMIT)
        self.halted = False

    async def read(self, batch: Sequence[Delivery]) -> None:
        """These come next. What is rolled back was not applied: whatever is noted counts once it is committed."""
        begin = len(self.records)
        placed = [replace(d, offset=begin + i, partition=0, topic=self.stage.topic) for i, d in enumerate(batch)]
        self.records += placed
        await self.stage.fetchval(
            "INSERT INTO consumer_offsets VALUES ('reader', $1, 0, 0) ON CONFLICT DO NOTHING", self.stage.topic
        )
        stored = await self.stage.fetchval("SELECT next FROM consumer_offsets")
        try:
            await self.apply(0, stored, self.records[stored:])
        except Halted:
            self.halted = True
        await self._keep()

    async def apply(self, partition: int, stored: int, batch: Sequence[Delivery]) -> None:
        held = Held(Partition("reader", self.stage.topic, partition), stored)
        await self.applying.apply(held, batch)

    async def act(self, what: Any, key: UUID) -> Any:
        try:
            return await what(self.stage.database, self.handlers, self.stage.topic, key)
        finally:
            await self._keep()

    async def _keep(self) -> None:
        """A handler that ran in a transaction that was rolled back has done nothing: the inbox says which did."""
        known = set(await self.stage.fetchval("SELECT coalesce(array_agg(event_id), '{}') FROM inbox"))
        for delivery in self.pending:
            if delivery.event_id in known and delivery.event_id not in {d.event_id for d in self.applied}:
                self.applied.append(delivery)
        self.pending.clear()

    async def has_halted(self) -> bool:
        return self.halted

    async def parked(self) -> set[UUID]:
        return set(await self.stage.fetchval("SELECT coalesce(array_agg(key), '{}') FROM parked_keys"))


@dataclass
class Oracle:
    """What the fence shall do, one event after the other, with nothing but dictionaries."""

    known: set[UUID] = field(default_factory=set)
    versions: dict[Aggregate, int] = field(default_factory=dict)
    lines: dict[UUID, list[Delivery]] = field(default_factory=dict)
    applied: list[UUID] = field(default_factory=list)
    gaps: int = 0
    in_a_row: set[UUID] = field(default_factory=set)
    halted: bool = False

    def read(self, delivery: Delivery) -> None:
        if delivery.key in self.lines:
            self.lines[delivery.key].append(delivery)
        elif not self.takes(delivery):
            self.lines[delivery.key] = [delivery]
            self.in_a_row.add(delivery.key)
            self.halted = len(self.in_a_row) >= LIMIT

    def takes(self, delivery: Delivery, *, as_it_is: bool = False) -> bool:
        if delivery.event_id in self.known:
            return True
        aggregate = (delivery.type, delivery.subject)  # each kind of these tests has one type
        before = self.versions.get(aggregate, 0)
        if delivery.version <= before and not as_it_is:
            return False
        self.gaps += delivery.version > before + 1
        self.versions[aggregate] = max(before, delivery.version)
        self.known.add(delivery.event_id)
        self.applied.append(delivery.event_id)
        self.in_a_row.clear()
        return True

    def settle(self, key: UUID, how: str) -> None:
        head, *line = self.lines.pop(key)
        was = set(self.in_a_row)
        if how == "accept":
            assert self.takes(head, as_it_is=True)
        else:
            self.known.add(head.event_id)
        while line and self.takes(line[0]):
            del line[0]
        if line:
            self.lines[key] = line
        self.in_a_row = was  # an operator's work is not the consumer's


def told(stage: Stage, kind: str, id: UUID, version: int, *, key: UUID | None = None) -> Delivery:
    event_type = stage.kinds[kind]  # type: ignore[attr-defined]
    event = event_type(**{event_type.contract.subject: id, "n": version})
    return delivered(stage.topic, event, version, key=key)


_aggregates = st.tuples(st.sampled_from(["thing", "part"]), st.integers(0, len(KEYS) - 1))
_steps = st.one_of(
    st.tuples(st.just("next"), _aggregates, st.integers(1, 1)),
    st.tuples(st.just("next"), _aggregates, st.integers(1, 1)),
    st.tuples(st.just("skips"), _aggregates, st.integers(2, 3)),
    st.tuples(st.just("again"), _aggregates, st.integers(0, 40)),
    st.tuples(st.just("rewritten"), _aggregates, st.integers(0, 40)),
)
_stories = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.lists(_steps, min_size=1, max_size=8)),
        st.tuples(st.sampled_from(["accept", "discard", "replay"]), st.integers(0, len(KEYS) - 1)),
    ),
    min_size=3,
    max_size=12,
)
_TWO_KINDS = [("batch", [("next", ("thing", 0), 1)] * 3), ("batch", [("next", ("part", 0), 1)])]
_TWICE_IN_A_BATCH = [("batch", [("next", ("thing", 0), 1), ("next", ("thing", 0), 1), ("rewritten", ("thing", 0), 0)])]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_stories, st.booleans())
@example(_TWO_KINDS, True)
@example(_TWICE_IN_A_BATCH, False)
@example([*_TWICE_IN_A_BATCH, ("accept", 0), ("batch", [("next", ("thing", 0), 1)])], True)
async def test_whatever_comes_the_fence_does_what_its_model_does(
    stage: Stage, story: list[tuple[str, Any]], hears_everything: bool
) -> None:
    await begin_anew(stage)
    reader, oracle = Reader(stage, hears_everything=hears_everything), Oracle()
    last: dict[tuple[str, int], int] = {}
    gaps = version_gaps._value.get()
    for what, how in story:
        if what == "batch":
            batch: list[Delivery] = []
            for step, (kind, n), number in how:
                told_before = [*reader.records, *batch]
                match step:
                    case "next" | "skips":
                        last[kind, n] = last.get((kind, n), 0) + number
                        batch.append(told(stage, kind, KEYS[n], last[kind, n]))
                    case "again" if told_before:
                        batch.append(told_before[number % len(told_before)])
                    case "rewritten" if told_before:
                        batch.append(replace(told_before[number % len(told_before)], event_id=new_id()))
            if batch:
                await _both_read(reader, oracle, batch)
        elif KEYS[how] in oracle.lines:
            if what == "replay":
                before = len(reader.applied)
                with pytest.raises(OutOfOrder):
                    await reader.act(replay, KEYS[how])
                assert len(reader.applied) == before, "a replay that fails leaves all as it was"
            else:
                await reader.act(accept if what == "accept" else discard, KEYS[how])
                oracle.settle(KEYS[how], what)
        assert sorted(d.event_id for d in reader.applied) == sorted(oracle.applied)
        assert _by_key(reader.applied, reader.records) == _by_key_of(oracle.applied, reader.records)
        assert await reader.parked() == set(oracle.lines)
        assert reader.halted == oracle.halted
        if hears_everything:
            assert version_gaps._value.get() - gaps == oracle.gaps
        if reader.halted:
            return
    if not hears_everything:
        assert version_gaps._value.get() == gaps, "who hears some types alone knows nothing of gaps"


async def _both_read(reader: Reader, oracle: Oracle, batch: Sequence[Delivery]) -> None:
    for delivery in batch:
        oracle.read(delivery)
        if oracle.halted:
            break
    await reader.read(batch)


def _by_key(applied: Sequence[Delivery], records: Sequence[Delivery]) -> dict[UUID, list[UUID]]:
    return _by_key_of([d.event_id for d in applied], records)


def _by_key_of(ids: Sequence[UUID], records: Sequence[Delivery]) -> dict[UUID, list[UUID]]:
    keys = {d.event_id: d.key for d in records}
    found: dict[UUID, list[UUID]] = {}
    for id in ids:
        found.setdefault(keys[id], []).append(id)
    return found


async def test_two_aggregates_of_two_kinds_may_have_one_id(stage: Stage) -> None:
    await begin_anew(stage)
    reader, id = Reader(stage, hears_everything=True), uuid4()
    await reader.read([told(stage, "thing", id, n) for n in (1, 2, 3)])
    await reader.read([told(stage, "part", id, n) for n in (1, 2)])
    assert (len(reader.applied), await reader.parked(), reader.halted) == (5, set(), False)


async def test_an_event_whose_version_has_passed_parks_its_key_with_an_alarm_and_nobody_else_waits(
    stage: Stage,
) -> None:
    await begin_anew(stage)
    reader, id, others = Reader(stage), uuid4(), [uuid4() for _ in range(5)]
    await reader.read([told(stage, "thing", id, n) for n in (1, 2)])
    late, follows = told(stage, "thing", id, 1), told(stage, "thing", id, 3)
    await reader.read([told(stage, "thing", others[0], 1), late, follows, *(told(stage, "part", o, 1) for o in others)])
    assert not reader.halted
    assert await reader.parked() == {id}
    assert {d.subject for d in reader.applied[2:]} == set(others)
    async with stage.database.pool.acquire() as connection:
        found = await backlog(connection)
    assert (found.dead_letters, found.out_of_order, found.waiting_events) == (1, 1, 1)
    with pytest.raises(OutOfOrder):
        await reader.act(replay, id)
    drained = await reader.act(accept, id)
    assert (drained.settled, drained.handled) == (late.event_id, 2)
    assert reader.applied[-2:] == [reader.records[3], reader.records[4]]
    assert await reader.parked() == set()


async def test_keys_parked_in_a_row_halt_the_consumer_and_an_event_applied_between_begins_a_new_row(
    stage: Stage,
) -> None:
    await begin_anew(stage)
    reader, ids, healthy = Reader(stage), [uuid4() for _ in range(5)], uuid4()
    await reader.read([told(stage, "thing", id, 2) for id in ids])
    parked_before = told(stage, "thing", ids[0], 1)
    for n in range(LIMIT - 1):
        await reader.read([told(stage, "thing", ids[n], 1)])
    waits, copy = told(stage, "thing", ids[0], 3), reader.records[-1]
    await reader.read([told(stage, "part", healthy, 1), told(stage, "thing", ids[2], 1), parked_before, waits])
    assert not await reader.has_halted(), "one was applied since the first two"
    await reader.read([copy, told(stage, "thing", ids[3], 1)])
    assert not await reader.has_halted()
    await reader.read([told(stage, "thing", ids[4], 1)])
    assert await reader.has_halted(), "what waits in line, or is known, was not applied"
    assert await reader.parked() == set(ids), "the last one is parked too"


async def test_what_a_handler_refused_is_not_for_accept(stage: Stage) -> None:
    await begin_anew(stage)
    reader, id = Reader(stage), uuid4()
    poison = told(stage, "thing", id, 1)
    reader.refused = {poison.event_id}
    await reader.read([poison])
    with pytest.raises(NotOutOfOrder):
        await reader.act(accept, id)
    assert await reader.parked() == {id}


async def test_a_dead_letter_that_is_given_up_leaves_no_gap(stage: Stage) -> None:
    await begin_anew(stage)
    reader, id, gaps = Reader(stage, hears_everything=True), uuid4(), version_gaps._value.get()
    events = [told(stage, "thing", id, n) for n in (1, 2, 3, 4)]
    reader.refused = {events[1].event_id}
    await reader.read(events)
    await reader.act(discard, id)
    assert [d.version for d in reader.applied] == [1, 3, 4]
    await reader.read([told(stage, "thing", id, 6)])
    assert version_gaps._value.get() - gaps == 1, "5 never came"


async def test_a_type_that_this_code_does_not_know_may_have_told_what_is_missing(stage: Stage) -> None:
    await begin_anew(stage)
    reader, id, gaps = Reader(stage, hears_everything=True), uuid4(), version_gaps._value.get()
    unknown = replace(told(stage, "thing", id, 2), type=f"polyplus.{stage.name}.thing-painted.v1")
    await reader.read([told(stage, "thing", id, 1), unknown, told(stage, "thing", id, 3)])
    assert (len(reader.applied), version_gaps._value.get()) == (3, gaps)
    await reader.read([replace(unknown, event_id=new_id(), version=1)])
    assert await reader.parked() == {id}


async def test_a_line_has_the_order_of_arrival_also_over_partitions(stage: Stage) -> None:
    await begin_anew(stage)
    reader, id = Reader(stage), uuid4()
    dead, later = told(stage, "thing", id, 1), told(stage, "thing", id, 2)
    reader.refused = {dead.event_id}
    await reader.read([*(told(stage, "part", uuid4(), 1) for _ in range(7)), dead])
    await stage.fetchval("INSERT INTO consumer_offsets VALUES ('reader', $1, 1, 0)", stage.topic)
    await reader.apply(1, 0, [replace(later, topic=stage.topic, partition=1, offset=0)])
    drained = await reader.act(discard, id)
    assert (drained.settled, drained.handled) == (dead.event_id, 1), "what was refused is given up, not what came later"
    assert reader.applied[-1].event_id == later.event_id
    assert await stage.fetchval("SELECT array_agg(status ORDER BY id) FROM dead_letters") == ["discarded", "replayed"]


async def test_a_row_from_before_the_kinds_were_told_apart_stands_for_every_kind_of_its_id(stage: Stage) -> None:
    await begin_anew(stage)
    reader, id, quiet = Reader(stage, hears_everything=True), uuid4(), uuid4()
    for subject in (id, quiet):
        await stage.fetchval(
            "INSERT INTO consumed_versions (consumer, topic, subject, version) VALUES ('reader', $1, $2, 3)",
            stage.topic,
            subject,
        )
    await reader.read([told(stage, "thing", id, n) for n in (4, 5)])
    await reader.read([told(stage, "part", id, 4)])
    assert (len(reader.applied), await reader.parked()) == (3, set()), "what goes on goes on"
    await reader.read([told(stage, "thing", quiet, 3)])
    assert await reader.parked() == {quiet}, "what had passed before is still an alarm"
    await reader.act(discard, quiet)
    await reader.read([told(stage, "part", quiet, 1)])
    assert await reader.parked() == {quiet}, "of which kind the row was nobody knows"
    await reader.act(accept, quiet)
    await reader.read([told(stage, "part", quiet, 2)])
    assert (len(reader.applied), await reader.parked()) == (5, set()), "from then on it has a row of its own"


async def test_code_of_before_beside_this_one_raises_no_alarm_and_hides_none(stage: Stage) -> None:
    """While it is rolled out, members with the code of before go on writing rows without a kind."""
    await begin_anew(stage)
    reader, id, gaps = Reader(stage, hears_everything=True), uuid4(), version_gaps._value.get()
    await reader.read([told(stage, "thing", id, 1)])
    claimed = await stage.fetchval(
        "SELECT passed FROM claim_events('reader', $1, $2, $3, $4)", stage.topic, [new_id(), new_id()], [id, id], [2, 3]
    )
    assert claimed is None
    await reader.read([told(stage, "thing", id, 3)])
    assert await reader.parked() == {id}, "they have consumed it"
    await reader.act(discard, id)
    await reader.read([told(stage, "thing", id, 4)])
    assert (len(reader.applied), await reader.parked(), version_gaps._value.get()) == (2, set(), gaps)
