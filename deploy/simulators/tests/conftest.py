from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from deploy.simulators.tests.receiving import Receiver, serving


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A service that listens and answers 204."""
    receiver = Receiver()
    async with serving(receiver.app, receiver.listening):
        yield receiver


@pytest_asyncio.fixture
async def memory_file(tmp_path: Path) -> Path:
    return tmp_path / "simulators" / "memory.sqlite"
