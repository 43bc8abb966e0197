from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.kafka import KafkaLogin
from deploy.services import SERVICES
from deploy.topics import OPS, SIMULATORS, admin_client, prepare


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Not below pytest's own folder: every pytest that starts anew closes that to PostgreSQL's user."""
    with TemporaryDirectory(prefix="polyplus-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Broker:
    admin: KafkaLogin
    passwords: dict[str, str]

    def login(self, user: str) -> KafkaLogin:
        return KafkaLogin(self.admin.bootstrap, user, self.passwords[user])


@pytest.fixture(scope="module")
def broker(kafka_login: KafkaLogin) -> Broker:
    """The test run's broker with our topics, users and rights."""
    passwords = {user: f"{user}-password" for user in (*SERVICES, OPS, SIMULATORS)}
    prepare(admin_client(*kafka_login), passwords)
    return Broker(kafka_login, passwords)
