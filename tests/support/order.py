"""One story told to a service in any order that Kafka could hand it over in: any order across topics, each topic's own kept, some
records twice, and as many of a topic in one transaction as the consumer happens to fetch.

    STORY = AnyOrder(story, outcome)

    @in_any_order()
    async def test_the_story_ends_the_same_in_any_order(rma: Harness, data: st.DataObject) -> None:
        assert await STORY.outcome_of(rma, data) == await STORY.as_it_happened(rma)
"""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Generic, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from tests.support.harness import Harness

T = TypeVar("T")
_ALONE, _TWICE = 0.4, 0.2
"""How often a record comes in a transaction of its own, and how often one that was there before follows."""


@st.composite
def interleavings(draw: st.DrawFn, deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """One order in which a consumer could be given these records, cut into its batches, redeliveries included."""
    random = Random(draw(st.integers(0, 2**32)))
    lines: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        lines.setdefault(delivery.topic, []).append(delivery)
    told: list[Delivery] = []
    batches: list[list[Delivery]] = []
    while lines:
        topic = random.choice(sorted(lines))
        line = lines.pop(topic)
        size = 1 if random.random() < _ALONE else random.randint(1, len(line))
        batch, rest = line[:size], line[size:]
        if rest:
            lines[topic] = rest
        told += batch
        batches.append(batch)
        if random.random() < _TWICE:
            again = random.choice(told)
            if again.topic == topic:
                batch.append(again)
            else:
                batches.append([again])
    return batches


async def tell(h: Harness, batches: Sequence[Sequence[Delivery]]) -> None:
    """Each batch in one transaction."""
    for batch in batches:
        await h.deliver(*batch, together=True)


class AnyOrder(Generic[T]):
    """`story` brings the service to where the story begins and returns its records as they happened; `outcome` is what has to be
    the same in the end. The records of the first telling are told each time: an event that comes again keeps its id."""

    def __init__(
        self, story: Callable[[Harness], Awaitable[Sequence[Delivery]]], outcome: Callable[[Harness], Awaitable[T]]
    ) -> None:
        self._story, self._outcome = story, outcome
        self._told: Sequence[Delivery] = ()
        self._expected: list[T] = []

    async def as_it_happened(self, h: Harness) -> T:
        """What it comes to one record after the other; found out once."""
        if not self._expected:
            await h.deliver(*await self._begin(h))
            self._expected.append(await self._outcome(h))
        return self._expected[0]

    async def outcome_of(self, h: Harness, data: st.DataObject) -> T:
        """What it comes to in an order that is drawn; the service is left as it is then."""
        await tell(h, data.draw(interleavings(await self._begin(h))))
        return await self._outcome(h)

    async def _begin(self, h: Harness) -> Sequence[Delivery]:
        told = await self._story(h)
        self._told = self._told or told
        return self._told


def in_any_order(*, examples: int = 25, **more: st.SearchStrategy[Any]) -> Callable[[Callable[..., Any]], Any]:
    """A test of `data`, from which orders are drawn, and of what else is named. A failing order is not made shorter: each
    attempt would be a story of its own, and the order is printed as it is."""

    def decorate(test: Callable[..., Any]) -> Any:
        how = settings(
            max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        )  # fmt: skip
        return how(given(data=st.data(), **more)(test))

    return decorate
