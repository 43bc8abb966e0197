from collections.abc import AsyncIterator

import pytest_asyncio
import structlog

from deploy.local.kafka import KafkaLogin
from libs.bus.tests.stage import Stage, make_stage

# the default renders the values of every frame, which on a busy machine takes longer than a group waits for its member
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _plain])


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_url: str, kafka_login: KafkaLogin) -> AsyncIterator[Stage]:
    made = await make_stage(postgres_url, kafka_login)
    yield made
    await made.database.close()
