"""A customer who does not answer is reminded twice, then the case resolves."""

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.events.cases import CaseResolved, CaseResumed, CustomerReminded
from services.cases.tests.builders import (
    CUSTOMER,
    coverage,
    did,
    in_progress,
    part_delivered,
    part_shipped,
    shown,
    waits_of,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal

HOME = ZoneInfo("Asia/Ho_Chi_Minh")
WEEKDAYS = {
    "time_zone": "Asia/Ho_Chi_Minh",
    "windows": [{"weekdays": [0, 1, 2, 3, 4], "opens": "00:00", "closes": "24:00"}],
}
DAY = timedelta(days=1)


async def ask(h: Harness, case_id: UUID) -> dict[str, Any]:
    return await did(h, case_id, "waits", {"wait": "customer", "note": "Please send the log."})


def midnight_after(instant: datetime, business_days: int) -> datetime:
    """The end of the n-th weekday after the day of this instant, counted one day at a time."""
    day = instant.astimezone(HOME).date()
    while business_days:
        day += DAY
        business_days -= day.weekday() < 5
    return datetime(day.year, day.month, day.day, tzinfo=HOME).astimezone(UTC) + DAY


async def begin(h: Harness) -> tuple[UUID, dict[str, Any]]:
    assert (
        await h.post(
            "/v1/cases-policies", {"settings": {"business_calendar": WEEKDAYS}, "why": "plain"}, role="manager"
        )
    ).status_code == 201
    case_id = await in_progress(h)
    return case_id, await ask(h, case_id)


async def hop_to(h: Harness, to: datetime) -> None:
    await h.advance(to - await h.now())


async def test_two_reminders_and_then_the_case_resolves(cases: Harness) -> None:
    case_id, wait = await begin(cases)
    since = datetime.fromisoformat(wait["since"])
    second, fifth, tenth = (midnight_after(since, n) for n in (2, 5, 10))
    await hop_to(cases, second - timedelta(minutes=1))
    assert await cases.events(CustomerReminded) == []
    await hop_to(cases, tenth - timedelta(minutes=1))

    told = await cases.events(CustomerReminded)
    assert [(each.reminder, str(each.wait_id), each.resolves_at) for each in told] == [
        (1, wait["id"], tenth),
        (2, wait["id"], tenth),
    ]
    assert [each.reminded_at - due for each, due in zip(told, (second, fifth), strict=True)] < [
        timedelta(minutes=1)
    ] * 2
    case = await shown(cases, case_id)
    assert (case["state"], case["waits"][0]["reminded"]) == ("pending", 2)

    await hop_to(cases, tenth)
    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case), case["resolution"]["reason"]) == ("resolved", [], "customer_silent")
    assert [(c["state"], c["reason"]) for c in case["history"]][-2:] == [
        ("pending", "Please send the log."),
        ("resolved", "customer_silent"),
    ]
    assert [each.reason for each in await cases.events(CaseResumed)] == ["customer_silent"]
    [resolved] = await cases.events(CaseResolved)
    assert (resolved.reason, resolved.automatic, resolved.cause_id) == ("customer_silent", True, None)
    await cases.advance(timedelta(days=30))
    assert (await shown(cases, case_id))["state"] == "closed"
    assert len(await cases.events(CustomerReminded)) == 2


async def test_an_answer_ends_the_reminding(cases: Harness) -> None:
    case_id, _ = await begin(cases)
    await cases.advance(timedelta(days=5))
    told = len(await cases.events(CustomerReminded))
    await did(cases, case_id, "notes", {"text": "Đây ạ."}, **CUSTOMER)
    await cases.advance(timedelta(days=60))

    assert (await shown(cases, case_id))["state"] == "in_progress"
    assert len(await cases.events(CustomerReminded)) == told


async def test_a_late_answer_reopens(cases: Harness) -> None:
    case_id, wait = await begin(cases)
    await hop_to(cases, midnight_after(datetime.fromisoformat(wait["since"]), 10))
    await did(cases, case_id, "notes", {"text": "Xin lỗi, log đây ạ."}, **CUSTOMER)

    assert (await shown(cases, case_id))["state"] == "in_progress"
    await cases.advance(timedelta(days=60))
    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_nothing_resolves_while_something_else_is_waited_for_nor_at_the_instant_at_which_that_ends(
    cases: Harness,
) -> None:
    case_id, _ = await begin(cases)
    await did(cases, case_id, "waits", {"wait": "part"})
    await cases.advance(timedelta(days=40))
    assert [(e.reminder, e.resolves_at) for e in await cases.events(CustomerReminded)] == [(1, None), (2, None)]
    case = await shown(cases, case_id)
    assert waits_of(case) == ["customer", "part"]

    [part] = [w for w in case["waits"] if w["kind"] == "part"]
    await did(cases, case_id, f"waits/{part['id']}/end", {"reason": "it arrived"})
    ended = await cases.now()
    await hop_to(cases, midnight_after(ended, 1) - timedelta(minutes=1))
    assert (await shown(cases, case_id))["state"] == "pending"
    await hop_to(cases, midnight_after(ended, 1))
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_nobody_is_reminded_while_a_cancellation_is_assessed(cases: Harness) -> None:
    case_id, _ = await begin(cases)
    await did(cases, case_id, "cancel", {"reason": "no longer needed"}, **CUSTOMER)
    await cases.advance(timedelta(days=40))
    assert await cases.events(CustomerReminded) == []
    await did(cases, case_id, "cancellation", {"decision": "withdraw"}, **CUSTOMER)
    back = await cases.now()
    await cases.advance(timedelta(minutes=1))
    # What was missed is one reminder, and the silence counts from here on.
    assert [each.reminder for each in await cases.events(CustomerReminded)] == [2]
    await hop_to(cases, midnight_after(back, 1) - timedelta(minutes=1))
    assert (await shown(cases, case_id))["state"] == "pending"
    await hop_to(cases, midnight_after(back, 1))
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_a_cancelled_case_leaves_no_timer(cases: Harness) -> None:
    case_id, _ = await begin(cases)
    await did(cases, case_id, "cancel", {"reason": "no longer needed"}, **CUSTOMER)
    await did(cases, case_id, "cancellation", {"decision": "accept", "reason": "nothing is under way"})

    async with cases.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM timers") == 0


async def test_a_wait_that_comes_to_light_takes_the_silence_back_until_it_is_over(cases: Harness) -> None:
    case_id, wait = await begin(cases)
    since = datetime.fromisoformat(wait["since"])
    await hop_to(cases, midnight_after(since, 10))
    await cases.deliver(part_shipped(case_id, since + timedelta(minutes=1)))
    assert (await shown(cases, case_id))["state"] == "pending"
    await cases.deliver(part_delivered(case_id, since + timedelta(minutes=2)))
    assert (await shown(cases, case_id))["state"] == "resolved"
    assert len(await cases.events(CustomerReminded)) == 2


async def test_who_is_asked_anew_is_not_silent(cases: Harness) -> None:
    case_id, wait = await begin(cases)
    since = datetime.fromisoformat(wait["since"])
    await hop_to(cases, midnight_after(since, 10))
    await cases.deliver(part_shipped(case_id, since + timedelta(minutes=1)))
    again = await ask(cases, case_id)
    await cases.deliver(part_delivered(case_id, since + timedelta(minutes=2)))
    await did(cases, case_id, f"waits/{again['id']}/end", {"reason": "they rang"})

    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_who_was_asked_before_we_watched_is_reminded_first(cases: Harness) -> None:
    """As the migration finds them: pending for long, and nobody has looked."""
    case_id, _ = await begin(cases)
    other = await in_progress(cases)
    await did(cases, other, "waits", {"wait": "part"})
    migration = importlib.import_module("services.cases.migrations.versions.0019_silence")
    async with cases.transaction() as tx:
        await tx.connection.execute("DELETE FROM timers")
    await cases.advance(timedelta(days=60))
    async with cases.transaction() as tx:
        await tx.connection.execute(migration.WATCH)
    now = await cases.now()
    await cases.advance(timedelta(seconds=1))

    [told] = await cases.events(CustomerReminded)
    assert (told.case_id, told.reminder, told.resolves_at) == (case_id, 2, midnight_after(now, 1))
    assert (await shown(cases, case_id))["state"] == "pending"
    await hop_to(cases, midnight_after(now, 1))
    assert [(await shown(cases, id))["state"] for id in (case_id, other)] == ["resolved", "pending"]


async def test_the_days_are_those_of_the_customers_country(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await ask(cases, case_id)
    decided = coverage(case_id)
    assert decided.site
    riyadh = decided.site.model_copy(update={"country": "SA", "time_zone": "Asia/Riyadh"})
    await cases.deliver(decided.model_copy(update={"site": riyadh}))
    await cases.advance(timedelta(days=10))

    first = (await cases.events(CustomerReminded))[0]
    local = first.reminded_at.astimezone(ZoneInfo("Asia/Riyadh"))
    assert (local.hour, (local - DAY).weekday() in {4, 5}) == (0, False)


async def test_how_long_is_policy(cases: Harness) -> None:
    numbers = {"business_calendar": WEEKDAYS, "remind_business_days": [1], "silent_business_days": 3}
    body = {"settings": numbers, "why": "a fast desk"}
    assert (await cases.post("/v1/cases-policies", body, role="manager")).status_code == 201
    wrong = {"settings": {"remind_business_days": [5, 2]}, "why": "x"}
    assert refusal(await cases.post("/v1/cases-policies", wrong, role="manager"))[0] == 422
    case_id = await in_progress(cases)
    since = datetime.fromisoformat((await ask(cases, case_id))["since"])
    await hop_to(cases, midnight_after(since, 3))

    assert [each.reminder for each in await cases.events(CustomerReminded)] == [1]
    assert (await shown(cases, case_id))["state"] == "resolved"
