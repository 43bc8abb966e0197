"""What the gateway's processes tell: facts reach Kafka from one that does all, and from a door and a worker that are two."""

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploy.local.databases import create_service_database
from deploy.local.kafka import KafkaLogin
from deploy.local.migrate import migrate
from deploy.local.waiting import until_async
from deploy.topics import admin_client, topics
from libs.events import decode
from libs.events.gateway import ClientCreated
from services.gateway.routes import SERVICES
from services.gateway.tests.stage import KEY
from services.gateway.tests.test_ending import a_free_place

TOPIC = "gateway.events"
TOPICS = frozenset({TOPIC, "gateway.people", "entitlements.events", "entitlements.people"})
"""What it writes and reads."""


@pytest.mark.promise("C2")
@pytest.mark.parametrize("roles", [("all",), ("api", "worker")], ids=" and ".join)
async def test_the_first_admin_is_told_to_all(postgres_url: str, kafka_login: KafkaLogin, roles: Sequence[str]) -> None:
    admin = uuid4()
    told = await settings(postgres_url, kafka_login, admin)
    async with processes(told, roles) as ops_url:
        found = await heard_of(admin, kafka_login)
        ready = await becomes_ready(ops_url)
    assert (found.role, found.by, found.bound.accounts) == ("admin", "system:installation", [])
    assert "degraded" not in ready


async def settings(postgres_url: str, kafka: KafkaLogin, admin: UUID) -> dict[str, str]:
    """What a gateway with a database of its own is told."""
    made = await create_service_database(postgres_url, "gateway", prefix=f"t{admin.hex[:8]}_")
    await migrate("gateway", made.owner_url)
    login = admin_client(kafka.bootstrap, kafka.user, kafka.password)
    there = login.list_topics(timeout=10).topics.keys()
    missing = [each for each in topics() if each.topic in TOPICS - there]
    for made_topic in login.create_topics(missing).values() if missing else ():
        made_topic.result(30)
    public = KEY.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "GATEWAY_DATABASE_URL": made.runtime_url,
        "GATEWAY_KAFKA_USER": kafka.user,
        "GATEWAY_KAFKA_PASSWORD": kafka.password,
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "INTERNAL_PUBLIC_KEY": base64.b64encode(public).decode(),
        "BOOTSTRAP_ADMIN_ID": str(admin),
        "BOOTSTRAP_ADMIN_SECRET": "a secret",
        **{f"{service.upper()}_URL": "http://127.0.0.1:9" for service in SERVICES},
    }


@asynccontextmanager
async def processes(told: Mapping[str, str], roles: Sequence[str]) -> AsyncIterator[str]:
    """One for each role; where the first of them says how it is."""
    started, ops_url = [], a_free_place()
    for role in roles:
        places = {"GATEWAY_URL": a_free_place(), "GATEWAY_OPS_URL": ops_url}
        env = os.environ | {f"POLYPLUS_{name}": value for name, value in {**told, **places}.items()}
        argv = (sys.executable, "-m", "deploy.cli", "serve", "gateway", "--role", role)
        started.append(await asyncio.create_subprocess_exec(*argv, env=env))
    try:
        yield ops_url
        for process in started:
            process.terminate()
        assert [await asyncio.wait_for(process.wait(), 60) for process in started] == [0] * len(started)
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def heard_of(admin: UUID, login: KafkaLogin) -> ClientCreated:
    """What the topic says of this client."""
    reader = Consumer(
        {
            "bootstrap.servers": login.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": login.user,
            "sasl.password": login.password,
            "group.id": str(admin),
            "enable.auto.commit": False,
        }
    )
    [topic] = [each for each in topics() if each.topic == TOPIC]
    reader.assign([TopicPartition(TOPIC, n, 0) for n in range(topic.num_partitions)])
    found: list[ClientCreated] = []

    async def is_there() -> bool:
        record = await asyncio.to_thread(reader.poll, 0.2)
        if record and not record.error():
            ce_type = bytes(dict(record.headers() or [])["ce_type"] or b"")  # type: ignore[arg-type]
            event = decode(ce_type.decode(), record.value() or b"")
            found.extend([event] if isinstance(event, ClientCreated) and event.client_id == admin else [])
        return bool(found)

    try:
        await until_async(is_there, seconds=90, otherwise="nobody told of the first admin")
    finally:
        reader.close()
    return found[0]


async def becomes_ready(ops_url: str) -> dict[str, object]:
    said: dict[str, object] = {}

    async def is_ready() -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{ops_url}/readyz")
        said.clear()
        said.update(answer.json())
        return answer.status_code == 200 and "degraded" not in answer.json()

    await until_async(is_ready, seconds=60, otherwise="it does not become ready, or its relay does not lead")
    return said
