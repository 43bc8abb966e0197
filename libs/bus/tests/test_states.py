"""State topics: before the facts in the log, and what is gone from them is gone from the disk."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.local.kafka import KafkaLogin
from libs.bus.envelope import BEAT, Delivery, delivery
from libs.bus.relay import Relay
from libs.bus.tests.stage import WORKER, Stage, make_state_topic, running, some, until

SECRET = "an.nguyen@hoasen.example"


def relay(stage: Stage, topic: str, **how: float) -> Relay:
    return stage.relay(state_topics=frozenset({topic}), **how)


async def tell(stage: Stage, id: UUID, says: str | None) -> None:
    """The state and a fact about it, in one transaction."""
    async with stage.database.transaction(WORKER) as tx:
        stage.tell(tx, id, says)
        await stage.move_in(tx, id)


async def test_no_fact_is_sent_before_the_states_that_it_names(
    stage: Stage, kafka_login: KafkaLogin, monkeypatch: pytest.MonkeyPatch
) -> None:
    [thing], topic = some(1), await make_state_topic(stage, kafka_login)
    await tell(stage, thing, "here")

    async def refused(_: AIOKafkaProducer) -> None:
        raise KafkaError("the transaction was not committed")

    with monkeypatch.context() as broken:
        broken.setattr(AIOKafkaProducer, "commit_transaction", refused)
        with pytest.raises(KafkaError, match="not committed"):
            await relay(stage, topic).run(asyncio.Event())
    assert await stage.published() == []

    async with running(relay(stage, topic).run):
        await until(lambda: has_facts(stage, 1), "the fact follows its state")


async def test_what_has_gone_meanwhile_is_sent_to_nobody_and_the_outbox_never_had_it(
    stage: Stage, kafka_login: KafkaLogin
) -> None:
    [gone, back], topic = some(2), await make_state_topic(stage, kafka_login)
    for says in (SECRET, None):
        await tell(stage, gone, says)
    for says in (SECRET, None, "back"):
        await tell(stage, back, says)
    async with stage.database.transaction(WORKER) as tx:
        [row] = await tx.connection.fetch("SELECT count(*), count(data) FROM outbox WHERE topic = $1", topic)
    assert tuple(row) == (5, 0)

    async with running(relay(stage, topic).run):
        await until(lambda: has_facts(stage, 5), "the facts follow")
        await tell(stage, back, "again")
        await until(lambda: has_facts(stage, 6), "one more")
    found = [(d.key, d.version, d.data) for d in map(as_delivery, await stage.records(topic, 1)) if d.key != BEAT]
    assert sorted(found[:2]) == sorted([(gone, 2, None), (back, 3, b'{"says":"back"}')])
    assert found[2:] == [(back, 4, b'{"says":"again"}')]


async def has_facts(stage: Stage, count: int) -> bool:
    return len(await stage.published()) >= count


async def test_what_is_gone_leaves_the_log_and_the_disk_though_nobody_writes_any_more(
    forgetful: tuple[Stage, KafkaLogin, Path],
) -> None:
    stage, login, home = forgetful
    topic = await make_state_topic(stage, login, **{"max.compaction.lag.ms": "500", "file.delete.delay.ms": "100"})
    [person, other] = some(2)
    await tell(stage, person, SECRET)
    await tell(stage, other, "somebody else")

    async def is_on_disk() -> bool:
        segments = home.rglob(f"{topic}-0/*")
        return any(SECRET.encode() in content for content in map(read, segments))

    async def is_in_the_log() -> bool:
        return any(SECRET.encode() in (record.value or b"") for record in await stage.records(topic, 1))

    async def is_gone() -> bool:
        return not await is_in_the_log() and not await is_on_disk()

    async with running(relay(stage, topic, beat_seconds=0.3).run):
        await until(is_on_disk, "what was told is on the disk")
        await tell(stage, person, None)
        await until(is_gone, "it is off the disk", seconds=30)
        newest = {record.key: record.value for record in await stage.records(topic, 1)}
    assert newest[str(person).encode()] is None, "whoever comes late hears that it is gone"
    assert newest[str(other).encode()] == b'{"says":"somebody else"}'
    assert {*newest} == {str(id).encode() for id in (person, other, BEAT)}


def as_delivery(r: Any) -> Delivery:
    return delivery(r.topic, r.partition, r.offset, r.key, r.headers, r.value)


def read(path: Path) -> bytes:
    with suppress(OSError):  # cleaned away meanwhile
        return path.read_bytes()
    return b""
