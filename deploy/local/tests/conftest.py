from __future__ import annotations

from dataclasses import dataclass

import pytest

from deploy.local.kafka import KafkaLogin
from deploy.topics import OPS, SERVICES, SIMULATORS, admin_client, prepare


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
