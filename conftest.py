"""What every test may ask for: real engines, brought up once, when first asked for, and taken down at the end."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio
import structlog
import uvicorn.server
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import NodeManager

from deploy.local.kafka import KafkaLogin, temporary_kafka
from deploy.local.postgres import temporary_postgres
from tests.support.progress import Progress

if TYPE_CHECKING:
    from tests.support.harness import Pools

# A traceback drawn with all its locals, structlog's default, takes longer than the test that logs it.
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])


async def _soon(seconds: float) -> None:
    await asyncio.sleep(seconds / 10)


# Uvicorn looks ten times a second whether it is to end, and whether its connections have ended; many a test has two servers.
uvicorn.server.asyncio = SimpleNamespace(**vars(asyncio) | {"sleep": _soon})  # type: ignore[attr-defined, assignment]


# Every client of httpx reads all the certificates that the world trusts: 20 ms, for addresses of this machine that have none.
httpx._transports.default.create_ssl_context = cache(httpx._transports.default.create_ssl_context)


# How long an example takes says what else this machine does, and nothing of the code.
settings.register_profile("polyplus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("polyplus")


# After Ctrl-C a worker takes down what it started and removes its folders: a whole stack takes longer than the ten seconds that it
# would be given before it is killed.
NodeManager.EXIT_TIMEOUT = 90


_WHOLE_STACKS = ("tests/journeys/", "tests/faults/test_short_seed.py", "tests/fuzz/test_fuzz.py")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """With several workers (`make test`) a file stays on one of them, and so does all that has a whole stack: one at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return "journeys" if nodeid.startswith(_WHOLE_STACKS) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are processors: for a third of its time a test waits for others."""
    processors = os.cpu_count() or 1
    return processors + processors // 2


@pytest.hookimpl(trylast=True)  # the reporter is there
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config.pluginmanager.getplugin("terminalreporter")))


_LONGEST = (
    "tests/contract/test_recipes.py",
    "tests/contract/test_names.py",
    "tests/contract/test_lists.py",
    "tests/contract/test_demo_data.py",
    "deploy/local/tests/test_interrupted_start.py",
    "tests/contract/test_client.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys and the faults take longest and come first, so that no worker is left alone with them at the end; so do the longest
    of the other files. The quickest are among the first, so that one sees at once that something goes on.
    """
    order = (*_WHOLE_STACKS, "libs/events/", *_LONGEST)

    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(order) if item.nodeid.startswith(path)), len(order))

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The admin URL of a PostgreSQL of this test run's own."""
    with temporary_postgres() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pools(postgres_url: str) -> AsyncIterator["Pools"]:
    """Connections to services' databases on it, kept from one test to the next."""
    from tests.support.harness import Pools

    pools = Pools(postgres_url)
    yield pools
    await pools.close()


@pytest.fixture(scope="session")
def kafka_login() -> Iterator[KafkaLogin]:
    """The admin's login at a Kafka broker of this test run's own."""
    with temporary_kafka() as login:
        yield login
