"""How this project talks to Kafka: always authenticated, always acknowledged by all."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import KafkaError

from libs.store.reasons import reason

log = structlog.get_logger()

_ends_an_aborted = PartitionRecords._contains_abort_marker


def _ends_what_was_aborted(self: PartitionRecords, batch: Any) -> bool:
    """A cleaned log can hold the end of a transaction as a batch without its record; aiokafka 0.14 raises at that place for ever. Such a
    batch ends what was aborted, if anything of its producer was: the first end after an aborted beginning is that one's own."""
    try:
        return bool(_ends_an_aborted(self, batch))
    except KafkaError:
        return True


PartitionRecords._contains_abort_marker = _ends_what_was_aborted


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
