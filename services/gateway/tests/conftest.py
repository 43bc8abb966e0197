import base64
import os
from collections.abc import AsyncIterator

import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.gateway.app import service
from services.gateway.tests.stage import KEY, Stage
from tests.support.harness import Harness, harness_fixture

_PEM = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
os.environ["POLYPLUS_INTERNAL_PRIVATE_KEY"] = base64.b64encode(_PEM).decode()

gateway = harness_fixture(service)


@pytest_asyncio.fixture(loop_scope="session")
async def stage(gateway: Harness) -> AsyncIterator[Stage]:
    async with Stage(gateway).up() as up:
        yield up
