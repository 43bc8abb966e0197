"""Interleavings of a story's events: any order across topics, each topic's own order kept, some records twice."""

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

from libs.bus.envelope import Delivery


@st.composite
def interleavings(draw: st.DrawFn, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """One order in which Kafka could hand over these records, redeliveries included."""
    random: Random = draw(st.randoms(use_true_random=False))
    lines: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        lines.setdefault(delivery.topic, []).append(delivery)
    order: list[Delivery] = []
    while lines:
        topic = random.choice(sorted(lines))
        order.append(lines[topic].pop(0))
        if not lines[topic]:
            del lines[topic]
        if random.random() < 0.2:
            order.append(random.choice(order))
    return order
