"""The story's facts as this service hears them: any order across topics, some twice, the same case in the end."""

from datetime import datetime
from typing import get_args
from uuid import UUID

from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.escalation import ClockKind
from services.cases.model.actor import Actor
from services.cases.model.policy import CasesPolicy
from services.cases.model.request import Request
from services.cases.reactions.take_request import take_request
from services.cases.tests.builders import (
    ACCOUNT,
    LAN_ID,
    Clock,
    a_request,
    coverage,
    information_required,
    part_delivered,
    part_shipped,
    ticket_opened,
    ticket_resolved,
    ticket_updated,
    visit_completed,
    visit_scheduled,
)
from services.cases.use_cases.assign_case import assign_case
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order

CASE = UUID("33333333-3333-4333-8333-333333333333")
ENGINEER = Actor("engineer:1", "engineer", "Trần Thị Bình")
MONDAY = datetime.fromisoformat("2099-03-02T02:00:00+00:00")
"""Long after any case that a test opens."""
OF_ITS_HOUR = ("opened_at", "assigned_at", "epoch_began_at", "queue_history", "history", "number")
"""When a test ran, and what was shown in between: the record of that differs with what was known, the outcome does not."""


def at(minutes: int) -> datetime:
    return datetime.fromtimestamp(MONDAY.timestamp() + 60 * minutes, MONDAY.tzinfo)


RESPONSE, UPDATE, RESOLUTION = (Clock(CASE, kind, UUID(int=n)) for n, kind in enumerate(get_args(ClockKind)))

FACTS: tuple[Event, ...] = (
    RESPONSE.started(at(15)),
    RESOLUTION.started(at(240)),
    coverage(CASE, decided_at=at(1)),
    RESPONSE.met(),
    UPDATE.started(at(60)),
    part_shipped(CASE, at(10)),
    RESOLUTION.paused(),
    visit_scheduled(CASE, at(11)),
    ticket_opened(CASE, at(20)),
    ticket_updated(CASE, at(30)),
    information_required(CASE, at(40)),
    ticket_updated(CASE, at(50), state="in_progress"),
    ticket_resolved(CASE, at(60)),
    RESOLUTION.resumed(at(2000)),
    UPDATE.started(at(1900)),
    part_delivered(CASE, at(1000)),
    visit_completed(CASE, at(1100)),
)


async def story(h: Harness) -> list[Delivery]:
    await h.empty()
    request = Request(id=CASE, account_id=ACCOUNT, channel="api", reporter_name="An", **a_request())
    async with h.transaction() as tx:
        case = await take_request(request, CasesPolicy(), ENGINEER, tx)
        await assign_case(case, LAN_ID, None, ENGINEER, tx)
    return [h.delivery(fact) for fact in FACTS]


Outcome = tuple[dict[str, list[str]], set[tuple[str, str]]]


async def outcome(h: Harness) -> Outcome:
    """All rows, and each thing that was told; a resolution taken back meanwhile was told more than once."""
    events: list[Event] = await h.events()
    told = {(type(e).__name__, str(getattr(e, "wait_id", None) or getattr(e, "note_id", ""))) for e in events}
    return await h.state(ignore=OF_ITS_HOUR), told


STORY = AnyOrder(story, outcome)


@in_any_order()
async def test_the_case_ends_the_same_in_whatever_order_its_facts_arrive(cases: Harness, data: st.DataObject) -> None:
    expected = await STORY.as_it_happened(cases)
    assert '"state": "resolved"' in expected[0]["cases"][0]
    assert '"next_due_at": "2099-03-03T' in expected[0]["cases"][0]

    assert await STORY.outcome_of(cases, data) == expected
