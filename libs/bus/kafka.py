"""How this project talks to Kafka: always authenticated, always acknowledged by all."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer

from libs.store.reasons import reason

log = structlog.get_logger()


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


async def close(client: AIOKafkaConsumer) -> None:
    """Stops a consumer and lets go of its connections; what goes wrong with that is logged, never raised.

    Above all no CancelledError: `stop()` gives its caller that of a fetch that waited to be tried again, as each does while Kafka
    is away, and leaves the connections open (aiokafka 0.14, `Fetcher.close`). Who awaits it would look as if he had been cancelled.
    """
    for ending in (client.stop, client._client.close):
        ended: list[BaseException | None] = await asyncio.gather(ending(), return_exceptions=True)
        for error in filter(None, ended):
            log.warning("a consumer does not end as it should", error=reason(error))
