"""The work that every bench of the bus does: 400-byte JSON facts of 10,000 aggregates, some busy and most quiet."""

import random
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from uuid import UUID, uuid5

from libs.events import Event
from libs.store.ids import new_id
from libs.store.outbox import OutboxRow, row_for

PARTITIONS = 6
KEYS = 10_000
BYTES = 400
TYPE = "polyplus.bench.reading-noted"
_SEED = 20_260_101
_SKEW = 1.0
_NAMESPACE = UUID("6f0e4f43-6a4b-5a53-9d3f-3c2f5a6f7b10")
_ACTOR = "engineer:01980000-0000-7000-8000-000000000001"
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class ReadingNoted(Event, type=TYPE, visibility="internal", subject="device_id"):
    """One reading of a device: `number` counts the device's readings from 1."""

    device_id: UUID
    account_id: UUID
    number: int
    taken_at: datetime
    temperature: float
    note: str


def device(rank: int) -> UUID:
    """The id of the device with this rank; 0 is the busiest."""
    return uuid5(_NAMESPACE, f"device {rank}")


ACCOUNT = uuid5(_NAMESPACE, "account")


def ranks(count: int, *, keys: int = KEYS, seed: int = _SEED) -> Iterator[int]:
    """`count` ranks below `keys`, the n-th in proportion to 1/n (Zipf): the same ones for the same seed."""
    weights = list(accumulate(1 / (n + 1) ** _SKEW for n in range(keys)))
    draw = random.Random(seed)
    return (bisect(weights, draw.random() * weights[-1]) for _ in range(count))


def readings(count: int, *, keys: int = KEYS, seed: int = _SEED) -> Iterator[ReadingNoted]:
    """Facts of exactly BYTES bytes as JSON."""
    numbers: dict[int, int] = {}
    taken_at = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [device(rank) for rank in range(keys)]
    for rank in ranks(count, keys=keys, seed=seed):
        numbers[rank] = number = numbers.get(rank, 0) + 1
        bare = ReadingNoted(
            device_id=ids[rank], account_id=ACCOUNT, number=number, taken_at=taken_at, temperature=21.5, note=""
        )
        missing = BYTES - len(bare.__pydantic_serializer__.to_json(bare))
        yield bare.model_copy(update={"note": "x" * missing})


def outbox_rows(count: int, *, seed: int = _SEED) -> Iterator[OutboxRow]:
    """The same facts as `emit()` writes them, with every CloudEvents header that an event of ours can have."""
    for fact in readings(count, seed=seed):
        yield row_for(
            fact, version=fact.number, account_id=ACCOUNT, causation_id=new_id(), actor=_ACTOR, traceparent=_TRACEPARENT,
            time=fact.taken_at,
        )  # fmt: skip
