"""faststream-outbox relaying its table to Kafka, tuned: many workers, large fetches, deletes by the batch, a lingering producer.

`python -m …app create` makes its table and ends; without an argument it relays until it is told to end.
"""

import os
import sys

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaResponse
from faststream.security import SASLScram512
from faststream_outbox import OutboxBroker, make_outbox_table
from faststream_outbox.annotations import OutboxMessage
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

metadata = MetaData()
table = make_outbox_table(metadata, table_name="faststream_outbox")
engine = create_async_engine(os.environ["DATABASE"].replace("postgresql:", "postgresql+asyncpg:", 1), pool_size=60)
kafka = KafkaBroker(
    os.environ["BOOTSTRAP"],
    security=SASLScram512(username=os.environ["KAFKA_USER"], password=os.environ["KAFKA_PASSWORD"]),
    acks="all",
    linger_ms=5,
    max_batch_size=512 * 1024,
    logger=None,
)
outbox = OutboxBroker(engine, outbox_table=table, logger=None)
app = FastStream(outbox, on_startup=[kafka.start])


@kafka.publisher(os.environ["TOPIC"])  # type: ignore[untyped-decorator]
@outbox.subscriber(  # type: ignore[untyped-decorator]
    "events",
    max_workers=50,
    fetch_batch_size=1000,
    min_fetch_interval=0.01,
    max_fetch_interval=0.1,
    terminal_flush_batch_size=500,
)
async def relay(message: OutboxMessage) -> KafkaResponse:
    headers = {name: value for name, value in message.headers.items() if name.startswith("ce_")}
    return KafkaResponse(message.body, headers=headers, key=message.headers["ce_subject"].encode())


async def create() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    uvloop.run(create() if "create" in sys.argv else app.run(log_level=30))
