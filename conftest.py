"""What every test may ask for: a real PostgreSQL, brought up once and taken down at the end."""

from collections.abc import Iterator

import pytest

from deploy.local.postgres import temporary_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The admin URL of a server of this test run's own."""
    with temporary_postgres() as url:
        yield url
