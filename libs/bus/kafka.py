"""How this project talks to Kafka: always authenticated, always acknowledged by all."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kafka:
    """An address and a principal (SASL/SCRAM-SHA-512)."""

    bootstrap: str
    user: str
    password: str

    def common(self) -> dict[str, Any]:
        """Arguments that every aiokafka client takes."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
            "client_id": self.user,
        }
