"""The sandbox clock of a simulator, with and without Kafka."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from deploy.local.kafka import KafkaLogin
from deploy.local.waiting import until_async
from deploy.simulators.clock import SandboxClock
from deploy.topics import CLOCK, SIMULATORS, admin_client, prepare
from libs.bus.clock import KEY, encode

PATIENCE = 30.0


def put_in_force(login: KafkaLogin, offset: timedelta) -> None:
    producer = Producer(
        {
            "bootstrap.servers": login.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": login.user,
            "sasl.password": login.password,
        }
    )
    producer.produce(CLOCK, key=KEY, value=encode(offset))
    assert producer.flush(PATIENCE) == 0


async def test_the_clock_follows_the_offset_in_force(kafka_login: KafkaLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.to_thread(prepare, admin_client(*kafka_login), {SIMULATORS: "a password"})
    monkeypatch.setenv("POLYPLUS_KAFKA_BOOTSTRAP", kafka_login.bootstrap)
    monkeypatch.setenv("POLYPLUS_SIMULATORS_KAFKA_USER", SIMULATORS)
    monkeypatch.setenv("POLYPLUS_SIMULATORS_KAFKA_PASSWORD", "a password")
    clock = SandboxClock()
    following = asyncio.create_task(clock.follow())
    try:
        for offset in (timedelta(days=3), timedelta(days=5, seconds=1)):
            await asyncio.to_thread(put_in_force, kafka_login, offset)
            await until_async(
                lambda wanted=offset: clock.offset == wanted,  # type: ignore[misc]
                seconds=PATIENCE,
                otherwise="the offset never came",
            )
    finally:
        following.cancel()
        await asyncio.wait([following])
        await asyncio.to_thread(put_in_force, kafka_login, timedelta(0))
    assert clock.now() - datetime.now(UTC) > timedelta(days=4)


async def test_without_kafka_it_is_the_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLYPLUS_KAFKA_BOOTSTRAP", raising=False)
    clock = SandboxClock()
    await clock.follow()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_broker_out_of_reach_leaves_the_clock_running(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "SIMULATORS_KAFKA_USER": "x"}.items():
        monkeypatch.setenv(f"POLYPLUS_{variable}", value)
    monkeypatch.setenv("POLYPLUS_SIMULATORS_KAFKA_PASSWORD", "x")
    clock = SandboxClock()
    following = asyncio.create_task(clock.follow())
    done, _ = await asyncio.wait([following], timeout=0.5)
    assert not done
    following.cancel()
    await asyncio.wait([following])


async def test_whoever_waits_for_a_time_looks_again_when_the_clock_moves() -> None:
    clock = SandboxClock()
    waiting = asyncio.create_task(clock.wait(PATIENCE))
    clock.move(timedelta(days=1))
    await asyncio.wait_for(waiting, 5)
    assert clock.offset == timedelta(days=1)
