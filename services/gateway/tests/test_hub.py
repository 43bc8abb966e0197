"""The ring that all listeners share: what it holds, what it gives out again, and to whom."""

from typing import Any
from uuid import uuid4

import pytest

from libs.events import Event
from libs.events.redaction import TAKES_OUT
from services.gateway.stream.hub import HEARTBEAT, Hub, Listener
from services.gateway.stream.items import Filter, Item
from services.gateway.tests.ears import PUBLIC

OURS, THEIRS, CONSUMER = uuid4(), uuid4(), uuid4()


def item(place: int, **fields: Any) -> Item:
    defaults: dict[str, Any] = {
        "late": False,
        "type": PUBLIC,
        "case_id": None,
        "account_id": None,
        "public": True,
        "frame": b"%d" % place,
    }
    return Item(place=place, **(defaults | fields))


def test_the_ring_says_when_it_does_not_reach_back_far_enough() -> None:
    hub = Hub(ring=3)
    everything = Filter(None, False, (), None)
    assert not hub.attach(Listener(everything, 0, limit=100), 0)
    hub.begin(10)
    hub.publish([item(n) for n in range(11, 16)])
    reached = [hub.attach(Listener(everything, n, limit=100), n) is not None for n in (10, 11, 12, 15, 99)]
    assert reached == [
        False,
        False,
        True,
        True,
        True,
    ]
    listener = Listener(everything, 12, limit=100)
    assert [item.place for item in hub.attach(listener, 12) or ()] == [13, 14, 15]
    hub.publish([item(16)])
    assert listener.take() == (b"16", 16)


def test_what_was_sent_otherwise_does_not_come_again_while_the_feed_is_behind() -> None:
    hub, listener = Hub(ring=10), Listener(Filter(None, False, (), None), 0, limit=100)
    hub.begin(90)
    hub.publish([item(n) for n in range(91, 96)])
    assert hub.attach(listener, 98) == []
    hub.publish([item(n) for n in range(96, 101)])
    assert listener.take() == (b"99100", 100)


@pytest.mark.parametrize("event", TAKES_OUT)
def test_what_came_before_a_text_was_taken_out_is_given_out_by_activity_alone(event: type[Event]) -> None:
    hub, everything = Hub(ring=10), Filter(None, False, (), None)
    hub.begin(0)
    listener = Listener(everything, 0, limit=1000)
    hub.attach(listener, 0)
    hub.publish([item(1, frame=b"hunter2"), item(2, type=event.contract.ce_type), item(3)])
    assert listener.take() == (b"hunter223", 3)
    assert hub.attach(Listener(everything, 0, limit=100), 0) is None
    assert [item.place for item in hub.attach(Listener(everything, 2, limit=100), 2) or ()] == [3]


def test_a_sign_of_life_does_not_move_the_place_to_resume_from() -> None:
    hub, listener = Hub(ring=3), Listener(Filter(None, False, (), None), 0, limit=100)
    hub.begin(0)
    hub.attach(listener, 0)
    hub.beat()
    assert listener.take() == (HEARTBEAT, None)
    hub.publish([item(1)])
    hub.beat()
    assert listener.take() == (b"1" + HEARTBEAT, 1)
    hub.publish([item(2, frame=b"x" * 101)])
    assert (listener.reason, listener.take()) == ("too slow", (b"", None))


def test_a_stream_that_began_anew_sends_its_listeners_away() -> None:
    hub = Hub(ring=3)
    hub.begin(10)
    listener = Listener(Filter(None, False, (), None), 10, limit=100)
    hub.attach(listener, 10)
    hub.begin(2)
    assert (listener.reason, hub.position) == ("the stream began anew", 2)
