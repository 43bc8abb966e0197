"""What tests of any order stand on: batches as a consumer could be given them, each in one transaction."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import Phase, find, given, settings

from libs.bus.envelope import Delivery
from libs.events.cases import CaseClosed, CaseReopened
from tests.support.harness import Harness, Pools
from tests.support.order import interleavings
from tests.support.services import service

SAMPLES = Path(__file__).parent / "samples"


def a_delivery(topic: str, n: int) -> Delivery:
    return Delivery(
        topic=topic, partition=0, offset=n, key=UUID(int=1), event_id=UUID(int=n), type="polyplus.x.happened.v1",
        subject=UUID(int=1), version=n, time=datetime.now(UTC), actor="system", account_id=None, causation_id=None,
        traceparent=None, data=b"{}",
    )  # fmt: skip


STORY = [a_delivery(topic, n) for n, topic in enumerate(("a", "b", "a", "c", "a", "b"))]
orders = interleavings(STORY)


@given(batches=orders)
def test_every_record_comes_and_each_topic_s_come_first_in_their_order(batches: list[list[Delivery]]) -> None:
    assert all(len({each.topic for each in batch}) == 1 for batch in batches)
    first = list({each.event_id: each for batch in batches for each in batch}.values())
    assert len(first) == len(STORY)
    for topic in "abc":
        assert [each for each in first if each.topic == topic] == [each for each in STORY if each.topic == topic]


@pytest.mark.parametrize(
    "wanted",
    [
        lambda batches: max(map(len, batches)) > 1,
        lambda batches: max(map(len, batches)) == 1,
        lambda batches: any(len({each.event_id for each in batch}) < len(batch) for batch in batches),
        lambda batches: batches[0][0].topic != "a",
    ],
    ids=["several at once", "one by one", "twice in one batch", "another topic first"],
)
def test_an_order_may_have(wanted: object) -> None:
    assert find(orders, wanted, settings=settings(phases=[Phase.generate]))  # type: ignore[arg-type]


@pytest.mark.parametrize(("together", "transactions"), [(True, 1), (False, 2)])
async def test_what_is_delivered_together_is_one_transaction(pools: Pools, together: bool, transactions: int) -> None:
    owner_url, database = await pools.of("escalation")
    escalation = Harness(service("escalation"), database, owner_url)
    await escalation.empty()
    told = [
        json.loads((SAMPLES / f"polyplus.cases.{name}.v1.json").read_text())
        for name in ("case-closed", "case-reopened")
    ]
    closed, reopened = CaseClosed.model_validate(told[0]), CaseReopened.model_validate(told[1])
    await escalation.deliver(reopened, closed, together=together)
    async with database.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM inbox") == transactions
        assert await connection.fetchval("SELECT next FROM consumer_offsets") == 2
