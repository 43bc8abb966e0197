from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest_asyncio

from deploy.local import demo
from deploy.local.environment import ROLES
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from tests.support.collector import Collector
from tests.support.ports import free_ports

log = logging.getLogger("journeys")


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def collector() -> AsyncIterator[Collector]:
    """Where the stack's processes send their spans."""
    async with Collector() as collector:
        yield collector


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(collector: Collector) -> AsyncIterator[Stack]:
    """All of Poly+ with the demo data, brought up once for all journeys, and gone before other tests begin: at rest it takes a third of a core."""
    # not below pytest's own folder: every pytest that starts anew closes that to PostgreSQL's user
    with TemporaryDirectory(prefix="polyplus-journeys-", ignore_cleanup_errors=True) as home:
        async with Stack(Path(home), environ=free_ports() | collector.environment, say=log.info) as stack:
            await demo.load(stack.env, log.info)
            yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def people(stack: Stack) -> AsyncIterator[dict[str, Person]]:
    """By role, as clients of the gateway."""
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        yield {role: Person(role, stack.env, http) for role in ROLES}
