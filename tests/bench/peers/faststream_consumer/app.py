"""FastStream on Kafka, as its users write a consumer that keeps state and an outbox: by the message, or by the batch.

At least once: the offset is committed after the transaction, and the inbox makes it once. It has neither a fence nor a watch on the
versions, and is not charged for them.
"""

import os
from collections.abc import Sequence
from typing import Any

import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.security import SASLScram512

from tests.bench.peers.faststream_consumer import bulk, message, querying
from tests.bench.peers.faststream_consumer.facts import TOPIC, Reading, Received

MODE, GROUP = os.environ["MODE"], os.environ["GROUP"]
broker = KafkaBroker(
    os.environ["BOOTSTRAP"],
    security=SASLScram512(username=os.environ["KAFKA_USER"], password=os.environ["KAFKA_PASSWORD"]),
)
app = FastStream(broker)
how: dict[str, Any] = {
    "group_id": GROUP, "auto_offset_reset": "earliest", "ack_policy": AckPolicy.ACK,
    "max_partition_fetch_bytes": 2 * 1024 * 1024,
}  # fmt: skip

if MODE == "message":

    @broker.subscriber(TOPIC, **how)  # type: ignore[untyped-decorator]
    async def on_reading(reading: Reading, received: KafkaMessage) -> None:
        await message.follow(GROUP, Received(reading, received.headers))

else:
    follow_all = {"bulk": bulk.follow, "querying": querying.follow}[MODE]

    @broker.subscriber(TOPIC, batch=True, max_records=1000, **how)  # type: ignore[untyped-decorator]
    async def on_readings(readings: list[Reading], received: KafkaMessage) -> None:
        headers: Sequence[dict[str, str]] = received.batch_headers
        await follow_all(GROUP, [Received(r, h) for r, h in zip(readings, headers, strict=True)])


if __name__ == "__main__":
    uvloop.run(app.run(log_level=30))
