"""A service that trusts the runtime blindly: it writes down every event it is given, and nothing keeps it from writing one twice.

The product's own handlers find done what was done, so an event that reaches them twice leaves no trace; here it leaves a second
row. It hears every topic, and one of its own on which a run may talk as it likes; of a key that it is told to refuse, each event is
a poison event until it is told otherwise. It runs beside the services in a stack under faults (`python -m tests.faults.witness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from deploy.services import PUBLISHING
from libs.bus import Handlers
from libs.bus.envelope import Delivery
from libs.kit.service import Service
from libs.store import Entity, Transaction
from libs.store.ids import new_id

WITNESS = "witness"
TOPIC, DLQ = f"{WITNESS}.events", f"{WITNESS}.dlq"
HEARD = (*(f"{service}.events" for service in PUBLISHING), TOPIC)


class Sighting(Entity, table="sightings"):
    """One event, as it was given to the handler once."""

    event_id: UUID
    topic: str


class Refusal(Entity, table="refusals"):
    """A key (`id`) whose events are refused for as long as this row is there."""


class Refused(ValueError):
    """An event of a key that is to be refused."""


handlers = Handlers(WITNESS)


@handlers.every(*HEARD)
async def write_down(deliveries: Sequence[Delivery], tx: Transaction) -> None:
    refused = await tx.find_many(Refusal, list({delivery.key for delivery in deliveries}))
    if keys := {refusal.id for refusal in refused if refusal}:
        raise Refused(f"told to refuse {', '.join(map(str, keys))}")
    for delivery in deliveries:
        tx.add(Sighting(id=new_id(), event_id=delivery.event_id, topic=delivery.topic))


service = Service(WITNESS, routers=(), handlers=handlers)

if __name__ == "__main__":
    service.run("worker")
