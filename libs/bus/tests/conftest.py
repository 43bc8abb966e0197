import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
import structlog
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.local import kafka
from deploy.local.kafka import KafkaLogin
from deploy.local.ports import free_port
from deploy.local.processes import Processes
from deploy.local.waiting import until as until_now
from deploy.topics import admin_client
from libs.bus.tests.receiver import Receiver, a_receiver
from libs.bus.tests.stage import Stage, a_stage

# the default renders the values of every frame, which on a busy machine takes longer than a group waits for its member
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _plain])


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_url: str, kafka_login: KafkaLogin) -> AsyncIterator[Stage]:
    async with a_stage(postgres_url, kafka_login) as made:
        yield made


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def forgetful(postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[Stage, KafkaLogin, Path]]:
    """A stage on a broker that cleans at once, and the folder of its logs."""
    processes, password, port = Processes(tmp_path / "run", tmp_path / "logs"), secrets.token_hex(16), free_port()
    try:
        home = tmp_path / "kafka"
        controller = free_port(frozenset({port}))
        await asyncio.to_thread(kafka.prepare, home, port=port, controller_port=controller, password=password)
        broker = kafka.launch(processes, home, port=port, password=password)
        until_now(broker.is_up, seconds=kafka.READY_SECONDS, otherwise=broker.late())
        kafka.check_login(broker.login, hint="")
        at_once = ConfigEntry("log.cleaner.backoff.ms", "200", incremental_operation=AlterConfigOpType.SET)
        cleaner = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[at_once])
        admin = admin_client(*broker.login)
        for altered in admin.incremental_alter_configs([cleaner]).values():
            altered.result(20)
        async with a_stage(postgres_url, broker.login) as stage:
            yield stage, broker.login, home
    finally:
        processes.stop_all()
