"""What every test may ask for: real engines, brought up once, when first asked for, and taken down at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import KafkaLogin, temporary_kafka
from deploy.local.postgres import temporary_postgres

ROOT = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (`make test`) a file stays on one of them, and so do all journeys, which share a whole stack.

    The journeys take longest and come first, so that no worker is left alone with them at the end.
    """
    for item in items:
        file = item.path.relative_to(ROOT)
        item.add_marker(pytest.mark.xdist_group("journeys" if "journeys" in file.parts else str(file)))
    items.sort(key=lambda item: "journeys" not in item.path.parts)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The admin URL of a PostgreSQL of this test run's own."""
    with temporary_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def kafka_login() -> Iterator[KafkaLogin]:
    """The admin's login at a Kafka broker of this test run's own."""
    with temporary_kafka() as login:
        yield login
