import base64
import importlib
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI

from libs.store import Database
from services.gateway.app import service
from services.gateway.door.upstreams import Upstreams
from services.gateway.tests.live import Live
from services.gateway.tests.stage import KEY, Stage, echo
from services.gateway.use_cases.bindings import AskOwners
from tests.support.harness import Harness, harness_fixture, service_database
from tests.support.serving import serving

_PEM = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
os.environ["POLYPLUS_INTERNAL_PRIVATE_KEY"] = base64.b64encode(_PEM).decode()

alone = harness_fixture(service)


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(alone: Harness, standing: tuple[Stage, FastAPI]) -> AsyncIterator[Harness]:
    """The clients' API; the owners of what clients are bound to are the services behind the standing door."""
    upstreams = Upstreams(standing[0].urls, seconds=10, max_body=2**20)
    alone.app.state.owners = AskOwners(upstreams, KEY)
    yield alone
    await upstreams.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def standing(postgres_url: str) -> AsyncIterator[tuple[Stage, FastAPI]]:
    """The door and the services behind it, for all tests that ask for nothing special."""
    _, url = await service_database(postgres_url, "gateway")
    database, services = await Database.connect(url, size=8), echo()
    async with serving(services) as behind:
        stage = Stage(database, behind.url)
        async with stage.door() as door:
            stage.url = door.url
            yield stage, services
    await database.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no database that stands still."""
    monkeypatch.setattr("services.gateway.identity.directory._PATIENCE_SECONDS", 30.0)


@pytest_asyncio.fixture(loop_scope="session")
async def stage(gateway: Harness, standing: tuple[Stage, FastAPI]) -> AsyncIterator[Stage]:
    async with standing[0].test(gateway, standing[1].state.seen) as ready:
        yield ready


# By its name: services never import each other, and this test of two of them stands in for the network between.
activity = harness_fixture(importlib.import_module("services.activity.app").service)


@pytest_asyncio.fixture(loop_scope="session")
async def live(stage: Stage, activity: Harness, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    """A door before a real activity, with a ring and pages so short that most who resume need several pages of the replay."""
    monkeypatch.setattr("services.gateway.stream.listening._PAGE", 3)
    found = Live(stage, activity)
    await found.start()
    await found.open(ring=6)
    yield found
    await found.close()
