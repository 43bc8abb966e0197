from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from deploy.simulators.partner import Partner, partner_app
from deploy.simulators.process import Place
from deploy.simulators.tests.receiving import SECRET, Receiver, free_socket, serving, url_of
from deploy.simulators.tests.stage import Stage


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A service that listens and answers 204."""
    receiver = Receiver()
    async with serving(receiver.app, receiver.listening):
        yield receiver


@pytest_asyncio.fixture
async def memory_file(tmp_path: Path) -> Path:
    return tmp_path / "simulators" / "memory.sqlite"


@pytest_asyncio.fixture
async def stage(receiver: Receiver, memory_file: Path) -> AsyncIterator[Stage]:
    listening = free_socket()
    partner = Partner(Place(url_of(listening), receiver.url, SECRET, memory_file))
    async with (
        serving(partner_app(partner), listening),
        httpx.AsyncClient(base_url=url_of(listening), trust_env=False) as http,
    ):
        yield Stage(partner, http)
