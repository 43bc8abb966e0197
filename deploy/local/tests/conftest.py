from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploy.local.kafka import KafkaLogin, temporary_kafka
from deploy.local.postgres import temporary_postgres
from deploy.topics import OPS, SERVICES, SIMULATORS, admin_client, prepare


@pytest.fixture(scope="session")
def admin_url() -> Iterator[str]:
    with temporary_postgres() as url:
        yield url


@dataclass(frozen=True)
class Broker:
    admin: KafkaLogin
    passwords: dict[str, str]

    def login(self, user: str) -> KafkaLogin:
        return KafkaLogin(self.admin.bootstrap, user, self.passwords[user])


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with temporary_kafka() as login:
        passwords = {user: f"{user}-password" for user in (*SERVICES, OPS, SIMULATORS)}
        prepare(admin_client(*login), passwords)
        yield Broker(login, passwords)
