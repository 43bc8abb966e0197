from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import pytest_asyncio

from deploy.local import demo
from deploy.local.demo.load import Ids
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
async def loaded(collector: Collector) -> AsyncIterator[tuple[Stack, Ids]]:
    """All of Poly+ with the demo data, brought up once for all journeys, and gone before other tests begin: at rest it takes a third of a core."""
    # not below pytest's own folder: every pytest that starts anew closes that to PostgreSQL's user
    with TemporaryDirectory(prefix="polyplus-journeys-", ignore_cleanup_errors=True) as home:
        async with Stack(Path(home), environ=free_ports() | collector.environment, say=log.info) as stack:
            yield stack, await demo.load(stack.env, log.info)


@pytest.fixture(scope="package")
def stack(loaded: tuple[Stack, Ids]) -> Stack:
    return loaded[0]


@pytest.fixture(scope="package")
def ids(loaded: tuple[Stack, Ids]) -> Ids:
    """Of the demo data, by resource and natural key."""
    return loaded[1]


@pytest_asyncio.fixture(loop_scope="session")
async def people(stack: Stack) -> AsyncIterator[dict[str, Person]]:
    """By role, as clients of the gateway."""
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        yield {role: Person(role, stack.env, http) for role in ROLES}
