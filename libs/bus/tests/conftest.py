from collections.abc import AsyncIterator

import pytest_asyncio

from deploy.local.kafka import KafkaLogin
from libs.bus.tests.stage import Stage, make_stage


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_url: str, kafka_login: KafkaLogin) -> AsyncIterator[Stage]:
    made = await make_stage(postgres_url, kafka_login)
    yield made
    await made.database.close()
