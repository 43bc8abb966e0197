"""What a partner tells comes late, twice, with a count or without: in any order it comes to the same state (S8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketReopened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
)
from services.ecps.model.engagement import EngagementState
from services.ecps.model.newest import Newest
from services.ecps.model.news import News
from services.ecps.tests.builders import an_engagement, an_opened_engagement, notice
from tests.support.harness import Harness
from tests.support.order import in_any_order

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
STATUSES: dict[str, EngagementState | None] = {
    "inProgress": "in_progress",
    "resolved": "resolved",
    "closed": "closed",
    "held": None,
}
statuses = st.builds(
    lambda minute, status, sequence: News(
        event=f"{minute} {status} {sequence}",
        kind="status",
        status=status,
        occurred_at=BEGIN + timedelta(minutes=minute),
        sequence=sequence,
    ),
    st.integers(0, 4),
    st.sampled_from(list(STATUSES)),
    st.none() | st.integers(0, 4),
)
questions = st.builds(
    lambda minute, sequence: News(
        event=f"{minute} asks {sequence}",
        kind="information_required",
        text="Which tenant?",
        occurred_at=BEGIN + timedelta(minutes=minute),
        sequence=sequence,
    ),
    st.integers(0, 4),
    st.none() | st.integers(0, 4),
)
told = st.lists(statuses | questions, min_size=1, max_size=5, unique_by=lambda news: news.event)


def newest(news: list[News]) -> str | None:
    found = Newest()
    for each in news:
        if each.state:
            found = found.with_(each.told(each.state))
    return found.of_all.word if found.of_all else None


@given(st.data())
def test_of_what_was_told_in_any_order_one_is_the_newest(data: st.DataObject) -> None:
    news = data.draw(told)
    assert newest(data.draw(st.permutations(news))) == newest(news)


@given(st.lists(statuses | questions, min_size=1, unique_by=lambda news: news.occurred_at))
def test_where_nobody_counts_their_time_decides(news: list[News]) -> None:
    uncounted = [each.model_copy(update={"sequence": None}) for each in news]
    known = [each for each in uncounted if each.state]
    last = max(known, key=lambda each: each.occurred_at, default=None)
    assert newest(uncounted) == (last and last.state)


@given(st.lists(statuses | questions, min_size=1, unique_by=lambda news: news.sequence))
def test_where_they_count_their_count_decides_whatever_their_clock_says(news: list[News]) -> None:
    known = [each for each in news if each.state and each.sequence is not None]
    last = max(known, key=lambda each: each.sequence or 0, default=None)
    assert newest([each for each in news if each.sequence is not None]) == (last and last.state)


async def ends(ecps: Harness, order: list[News]) -> dict[str, Any]:
    case = await an_opened_engagement(ecps)
    for each in order:
        body = each.model_dump(mode="json", include={"kind", "status", "text", "occurred_at", "sequence"})
        answer = await notice(ecps, event_id=each.event, **body)
        assert answer.json()["known"]
    engagement = await an_engagement(ecps, case)
    await ecps.empty()
    return {name: engagement[name] for name in ("state", "partner_state")}


@pytest.mark.promise("S8")
@in_any_order(examples=15)
async def test_an_engagement_ends_the_same_in_any_order(ecps: Harness, data: st.DataObject) -> None:
    news = data.draw(told)
    first, second = await ends(ecps, news), await ends(ecps, data.draw(st.permutations(news)))
    assert second == first
    assert first["state"] == (newest(news) or "opened")


@pytest.mark.promise("S8")
async def test_a_late_older_state_without_a_count_is_relayed_and_changes_nothing(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    now = await ecps.now()
    at = {seconds: (now + timedelta(seconds=seconds)).isoformat() for seconds in (5, 10, 20)}
    await notice(ecps, kind="resolved", status="resolved", text="Policy mended", occurred_at=at[20])
    for seconds in (10, 5):
        await notice(ecps, text=f"told at {seconds}", occurred_at=at[seconds])
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["partner_state"]) == ("resolved", "resolved")
    late = await ecps.events(PartnerTicketUpdated)
    assert [(each.text, each.state) for each in late] == [("told at 10", None), ("told at 5", None)]
    assert await ecps.events(PartnerTicketReopened) == []


async def test_a_note_that_came_first_keeps_no_older_state_away(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await notice(ecps, kind="note", status=None, text="Nearly there", sequence=3)
    await notice(ecps, sequence=2)
    assert (await an_engagement(ecps, case))["state"] == "in_progress"


@pytest.mark.promise("S8")
async def test_what_was_resolved_and_is_asked_about_is_open_again(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await notice(ecps, kind="resolved", text="Policy mended")
    await notice(ecps, kind="information_required", status="pending", text="Does it still fail?")
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["resolution"]) == ("information_required", None)
    [again] = await ecps.events(PartnerTicketReopened)
    [asked] = await ecps.events(PartnerInformationRequired)
    assert (again.text, again.partner_state, asked.needed) == (None, "pending", "Does it still fail?")
    await notice(ecps, kind="resolved", text="Really mended")
    assert [each.resolution for each in await ecps.events(PartnerTicketResolved)] == ["Policy mended", "Really mended"]


async def test_a_clock_that_is_far_ahead_holds_no_later_news_back(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    ahead = (await ecps.now() + timedelta(days=400)).isoformat()
    await notice(ecps, occurred_at=ahead)
    await notice(ecps, kind="resolved", text="Mended")
    assert (await an_engagement(ecps, case))["state"] == "resolved"


async def test_what_was_entered_by_hand_later_holds_beside_what_their_system_counts(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    now = await ecps.now()
    at = {seconds: (now + timedelta(seconds=seconds)).isoformat() for seconds in (5, 10, 20)}
    await notice(ecps, sequence=5, occurred_at=at[10])
    await notice(ecps, kind="information_required", text="Which tenant?", occurred_at=at[5])
    assert (await an_engagement(ecps, case))["state"] == "in_progress"
    await notice(ecps, kind="resolved", text="Mended, they say", occurred_at=at[20])
    assert (await an_engagement(ecps, case))["state"] == "resolved"
