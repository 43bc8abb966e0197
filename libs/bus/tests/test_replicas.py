"""Replicas of what others tell as state: whatever comes twice, late, damaged or after it is gone."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.kafka import KafkaLogin
from libs.bus import Handlers, Replicas
from libs.bus import kafka as our_kafka
from libs.bus.envelope import Delivery
from libs.bus.log import KafkaLog
from libs.bus.rebuild import rebuild
from libs.bus.replicas import Awaited, Follower, have_come, is_current, named
from libs.bus.standing import trouble
from libs.bus.tests.stage import WORKER, KnownThing, Stage, Tally, make_state_topic, running, some, until
from libs.store import Entity, Transaction
from libs.store.ids import new_id

SECRET = "an.nguyen@hoasen.example"


def replicas_of(stage: Stage, heard: list[UUID] | None = None) -> Replicas:
    async def note(ids: Sequence[UUID], tx: Transaction) -> None:
        assert {known.id for known in await tx.find_many(KnownThing, ids) if known} == {*ids}
        if heard is not None:
            heard.extend(ids)

    found = Replicas(stage.name)
    found.keep(KnownThing, of=stage.ThingState, changed=note)
    return found


def follower(stage: Stage, topic: str, heard: list[UUID] | None = None) -> Follower:
    return Follower(replicas_of(stage, heard), topic, stage.database, stage.kafka)


async def tell(stage: Stage, states: Mapping[UUID, str | None]) -> None:
    async with stage.database.transaction(WORKER) as tx:
        for id, says in states.items():
            stage.tell(tx, id, says)


async def current(stage: Stage, topic: str) -> bool:
    async with stage.database.transaction(WORKER) as tx:
        return await is_current(tx, stage.name, topic)


async def test_a_replica_follows_and_is_current_though_the_last_of_the_log_is_no_record(
    stage: Stage, kafka_login: KafkaLogin
) -> None:
    [here, gone], topic = some(2), await make_state_topic(stage, kafka_login)
    heard: list[UUID] = []
    assert not await current(stage, topic)
    async with running(stage.relay(state_topics=frozenset({topic})).run, follower(stage, topic, heard).run):
        await tell(stage, {here: "first", gone: SECRET})
        await until(lambda: has(stage, {here: "first", gone: SECRET}), "both are known")
        await tell(stage, {here: "second", gone: None})
        await until(lambda: has(stage, {here: "second", gone: None}), "the newest is known, and what is gone")
        await until(lambda: current(stage, topic), "it is at the end")
        assert await trouble(stage.database, named(stage.name, topic)) is None
    assert sorted(heard) == sorted([here, gone] * 2)
    next = await stage.fetchval("SELECT next FROM consumer_offsets WHERE topic = $1", topic)
    assert next == await end_of(stage, topic)
    assert await stage.fetchval("SELECT gone FROM known_things WHERE id = $1", gone)
    assert not await current(stage, topic), "who has stopped says nothing of the end"


async def has(stage: Stage, wanted: Mapping[UUID, str | None]) -> bool:
    return await stage.known() == wanted


async def end_of(stage: Stage, topic: str) -> int:
    client, place = AIOKafkaConsumer(**stage.kafka.common()), TopicPartition(topic, 0)
    await client.start()
    try:
        return int((await client.end_offsets([place]))[place])
    finally:
        await client.stop()


async def test_two_who_follow_one_topic_keep_each_record_once(stage: Stage, kafka_login: KafkaLogin) -> None:
    things, topic = some(300), await make_state_topic(stage, kafka_login)
    heard: list[UUID] = []
    both = [follower(stage, topic, heard) for _ in range(2)]
    async with running(stage.relay(state_topics=frozenset({topic}), page=40).run, *(each.run for each in both)):
        for says in ("one", "two", "three"):
            await tell(stage, dict.fromkeys(things, says))
        await until(lambda: has(stage, dict.fromkeys(things, "three")), "all is known")
    versions = await stage.fetchval("SELECT array_agg(DISTINCT revision) FROM known_things")
    assert max(versions) <= 2
    assert len(heard) <= 900


async def test_what_cannot_be_read_stops_this_reader_alone_and_readiness_says_where_and_no_value(
    stage: Stage, kafka_login: KafkaLogin
) -> None:
    topic = await make_state_topic(stage, kafka_login)

    class Newer(stage.ThingState, type=f"polyplus.{stage.name}.things.v2", topic=topic, key="thing_id"):  # type: ignore[call-arg,misc,name-defined]
        pass

    async with stage.database.transaction(WORKER) as tx:
        tx.publish_state(Newer, Newer(says=SECRET), key=new_id(), account_id=None)

    async def stands_still() -> bool:
        found = await trouble(stage.database, named(stage.name, topic))
        return bool(found and found.startswith("halted: ") and f"{topic}/0 offset" in found and SECRET not in found)

    reader, [thing] = follower(stage, topic), some(1)
    stage.tally()
    async with running(stage.relay(state_topics=frozenset({topic})).run, reader.run, stage.consumer().run):
        await until(stands_still, "the reader says where it stands")
        await stage.move(thing)
        await until(lambda: counted(stage, thing), "facts go on")
    assert await reader.check()
    assert await stage.fetchval("SELECT next FROM consumer_offsets WHERE topic = $1", topic) <= 1


async def counted(stage: Stage, thing: UUID) -> bool:
    return (await stage.numbers()).get(thing) == [0]


async def test_a_rebuild_mends_what_differs_and_brings_nothing_back(stage: Stage, kafka_login: KafkaLogin) -> None:
    [kept, changed, lost, erased], topic = some(4), await make_state_topic(stage, kafka_login)
    replicas = replicas_of(stage)
    reader = Follower(replicas, topic, stage.database, stage.kafka)
    said = {kept: "kept", changed: "as it was told", lost: "lost", erased: SECRET}
    async with running(stage.relay(state_topics=frozenset({topic})).run, reader.run):
        await tell(stage, said)
        await until(lambda: has(stage, said), "all is known")
    async with stage.database.transaction(WORKER) as tx:
        await replicas.forget(KnownThing, [erased], tx)
        await tx.connection.execute(
            "UPDATE known_things SET says = 'something else', version = 9 WHERE id = $1", changed
        )
        await tx.connection.execute("DELETE FROM known_things WHERE id = $1", lost)
        await tx.connection.execute("INSERT INTO known_things VALUES ($1, 3, 0, false, 'nobody told this')", uuid4())

    async with KafkaLog(stage.kafka) as log:
        done = await rebuild(stage.owner_url, Handlers(stage.name), replicas.kept[KnownThing], log)
    assert sorted(each.what for each in done.differences) == ["changed", "missing", "unknown to the log"]
    assert await stage.known() == {**said, erased: None}
    assert await stage.fetchval("SELECT version FROM known_things WHERE id = $1", changed) == 1


KEYS = some(3)
RECORDS = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 5)), max_size=12)


@given(
    batches=st.lists(RECORDS, min_size=1, max_size=4),
    forgotten=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(KEYS)), max_size=2),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_comes_in_whatever_order_the_newest_stands_and_what_is_forgotten_stays_so(
    stage: Stage, batches: list[list[tuple[UUID, int]]], forgotten: list[tuple[int, UUID]]
) -> None:
    """Pages are sent again, a cleaned log shows a later version before an earlier one: every fourth version is null."""
    replicas = replicas_of(stage)
    async with stage.database.transaction(WORKER) as tx:
        await tx.connection.execute("DELETE FROM known_things")
    for n, batch in enumerate([*batches, []]):
        async with stage.database.transaction(WORKER) as tx:
            await replicas.forget(KnownThing, [id for at, id in forgotten if at == n], tx)
            await replicas.apply([record(stage, *each) for each in batch], tx)
    newest = dict(sorted(chain.from_iterable(batches), key=lambda each: each[1]))
    wanted = {key: says(version) for key, version in newest.items()}
    wanted |= {id: None for at, id in forgotten if at <= len(batches)}
    assert await stage.known() == wanted


def says(version: int) -> str | None:
    return None if version % 4 == 0 else f"version {version}"


def record(stage: Stage, id: UUID, version: int) -> Delivery:
    said = says(version)
    data = None if said is None else stage.ThingState(says=said).model_dump_json().encode()
    topic, ce_type = stage.ThingState.contract.topic, stage.ThingState.contract.ce_type
    return Delivery(
        topic, 0, 0, id, new_id(), ce_type, id, version, datetime.now(UTC), "system:t", None, None, None, data
    )


def test_a_column_that_no_state_could_fill_is_refused(stage: Stage) -> None:
    class Unfillable(Entity, table="unfillable"):
        gone: bool = False
        sings: str | None = None

    with pytest.raises(TypeError, match="sings"):
        Replicas(stage.name).keep(Unfillable, of=stage.ThingState)


async def test_the_end_of_a_transaction_that_a_cleaning_emptied_is_passed(
    forgetful: tuple[Stage, KafkaLogin, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the same producer wrote afterwards is read."""
    stage, login, _ = forgetful
    at_once = {"max.compaction.lag.ms": "200", "file.delete.delay.ms": "100", "delete.retention.ms": "200"}
    topic = await make_state_topic(stage, login, **at_once)
    emptied: list[KafkaError] = []
    as_it_is = our_kafka._ends_an_aborted

    def watched(*arguments: Any) -> Any:
        try:
            return as_it_is(*arguments)
        except KafkaError as error:
            emptied.append(error)
            raise

    monkeypatch.setattr(our_kafka, "_ends_an_aborted", watched)
    killed, producer = (AIOKafkaProducer(**stage.kafka.common(), transactional_id=stage.name) for _ in range(2))
    plain = AIOKafkaProducer(**stage.kafka.common())
    await killed.start()
    await plain.start()
    try:
        await killed.begin_transaction()
        await killed.send_and_wait(topic, b"never said", b"aborted")
        await producer.start()  # which ends what the other had begun

        async def is_emptied() -> bool:
            await plain.send_and_wait(topic, b"{}", b"beat")
            assert {record.key for record in await stage.records(topic, 1)} <= {b"beat"}
            return bool(emptied)

        await until(is_emptied, "a transaction's end is emptied", seconds=60)
        async with producer.transaction():
            await producer.send_and_wait(topic, b"said", b"committed")
        assert {record.key for record in await stage.records(topic, 1)} == {b"beat", b"committed"}
    finally:
        for each in (killed, producer, plain):
            with suppress(Exception):
                await each.stop()


async def test_who_waits_for_a_row_is_found_whichever_transaction_is_first(stage: Stage) -> None:
    """The one that waits has not yet committed that it does, when the row comes: the row's writer lets it go first."""
    [thing, waiting] = some(2)
    found: list[UUID] = []

    async def find_waiting(_: Sequence[UUID], tx: Transaction) -> None:
        found.extend(each.id for each in await tx.select(Tally))

    replicas = Replicas(stage.name)
    replicas.keep(KnownThing, of=stage.ThingState, changed=find_waiting)

    async def come() -> None:
        async with stage.database.transaction(WORKER) as tx:
            await replicas.apply([record(stage, thing, 1)], tx)

    async with stage.database.transaction(WORKER) as tx:
        assert not await have_come([Awaited(KnownThing, thing, 1)], tx)
        tx.add(Tally(id=waiting))
        coming = asyncio.ensure_future(come())
        await until(lambda: stage.fetchval(_WAITS), "the writer waits")
    await coming
    assert found == [waiting]
    async with stage.database.transaction(WORKER) as tx:
        assert await have_come([Awaited(KnownThing, thing, 1)], tx)
        assert not await have_come([Awaited(KnownThing, thing, 2)], tx)


_WAITS = """
SELECT count(*) > 0 FROM pg_locks JOIN pg_database d ON d.oid = database
 WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted
"""
