"""What starts, pauses, moves and ends a clock, as its events and rows tell."""

from datetime import datetime, timedelta

import pytest

from libs.events.escalation import (
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    ClockStopped,
    ThresholdBreached,
)
from libs.store.ids import new_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.clock import readings
from services.escalation.model.facts import Fact
from services.escalation.model.settings import EscalationSettings
from services.escalation.tests.builders import ACase, a_case, delivered_at
from tests.support.harness import Harness

MONDAY_9_IN_HCMC = datetime.fromisoformat("2026-03-02T09:00:00+07:00")


async def _clocks(escalation: Harness, case: ACase) -> dict[str, dict[str, object]]:
    items = (await escalation.get(f"/v1/clocks?case_id={case.id}")).json()["items"]
    return {f"{item['kind']}/{item['epoch']}/{item['round']}": item for item in items}


@pytest.mark.promise("S8")
async def test_only_resolution_stands_still_while_the_partner_is_waited_for(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.pending("partner", 60))

    [paused] = await escalation.events(ClockPaused)
    assert (paused.clock, paused.wait, paused.remaining_seconds) == ("resolution", "partner", 7 * 3600)
    clocks = await _clocks(escalation, case)
    assert clocks["update/1/0"]["state"] == "running"
    assert (clocks["resolution/1/0"]["state"], clocks["resolution/1/0"]["due_at"]) == ("paused", None)

    await escalation.deliver(case.resumed("partner", 90))

    [resumed] = await escalation.events(ClockResumed)
    assert (resumed.due_at, resumed.paused_seconds) == (case.at(480 + 30), 1800)


@pytest.mark.parametrize("wait", ["part", "visit"])
async def test_waiting_for_a_part_or_a_visit_pauses_nothing(escalation: Harness, wait: str) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.pending(wait, 60))  # type: ignore[arg-type]
    assert await escalation.events(ClockPaused) == []


async def test_overlapping_waits_pause_until_the_last_one_ends(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.pending("partner", 10), case.pending("customer", 20), case.resumed("partner", 30))
    assert (await _clocks(escalation, case))["resolution/1/0"]["state"] == "paused"
    await escalation.deliver(case.resumed("customer", 40))

    resumed = {each.clock: each.due_at for each in await escalation.events(ClockResumed)}
    assert resumed == {"resolution": case.at(480 + 30), "update": case.at(120 + 20)}


async def test_nothing_is_due_to_a_customer_for_whose_answer_we_wait(escalation: Harness) -> None:
    """The question was an update itself; with the answer the clock goes on, and is due as if no time had passed between."""
    case = await a_case(escalation)
    await escalation.deliver(case.responded(10), case.noted(30), case.pending("customer", 30))

    clocks = await _clocks(escalation, case)
    assert (clocks["update/1/2"]["state"], clocks["update/1/2"]["due_at"]) == ("paused", None)
    assert clocks["update/1/2"]["waiting_for"] == "customer"
    await escalation._hop(case.at(24 * 60))
    await escalation.fire_timers()
    assert {each.rule for each in await escalation.events(ThresholdBreached)} & {"update", "resolution"} == set()

    await escalation.deliver(case.resumed("customer", 24 * 60), case.noted(24 * 60, "customer"))
    clock = (await _clocks(escalation, case))["update/1/2"]
    assert (clock["state"], datetime.fromisoformat(str(clock["due_at"]))) == ("running", case.at(24 * 60 + 120))


async def test_severity_recomputes_what_is_due_without_losing_paused_time(escalation: Harness) -> None:
    case = ACase(MONDAY_9_IN_HCMC, "major")  # resolution: two business days
    await escalation.deliver(
        case.opened(),
        case.pending("customer", 60),
        case.resumed("customer", 120),
        case.severity_changed("critical", 150),
    )

    clock = (await _clocks(escalation, case))["resolution/1/0"]
    assert (clock["priority"], clock["paused_seconds"]) == ("P1", 3600)
    assert datetime.fromisoformat(str(clock["due_at"])) == case.at(480 + 60)
    retold = [e for e in await escalation.events(ClockStarted) if e.clock == "resolution"]
    assert [(e.priority, e.target_seconds) for e in retold] == [("P2", 16 * 3600), ("P1", 8 * 3600)]
    assert len({e.clock_id for e in retold}) == 1


async def test_an_answer_meets_the_first_response_and_restarts_the_update_clock(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.responded(20), case.noted(20), case.noted(50, "customer"), case.noted(200, "partner"))

    met = [(e.clock, e.in_time, e.elapsed_seconds) for e in await escalation.events(ClockMet)]
    assert met == [("first_response", True, 1200), ("update", True, 1200), ("update", False, 180 * 60)]
    clocks = await _clocks(escalation, case)
    assert datetime.fromisoformat(str(clocks["update/1/2"]["due_at"])) == case.at(320)


async def test_what_was_said_in_the_case_of_which_this_one_was_split_is_no_word_in_it(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.responded(20), case.noted(50, repeats=new_id()), case.noted(60, "partner", new_id()))
    met = [(e.clock, e.elapsed_seconds) for e in await escalation.events(ClockMet)]
    assert met == [("first_response", 1200), ("update", 1200)]


async def test_resolution_meets_one_clock_and_stops_the_others_and_reopening_starts_a_new_epoch(
    escalation: Harness,
) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.resolved(30), case.reopened(100))

    assert [e.clock for e in await escalation.events(ClockMet)] == ["first_response", "resolution"]
    assert [e.clock for e in await escalation.events(ClockStopped)] == ["update"]
    fresh = {e.clock: e.due_at for e in await escalation.events(ClockStarted) if e.epoch == 2}
    assert fresh == {"first_response": case.at(130), "update": case.at(220), "resolution": case.at(580)}


async def test_a_resolution_that_is_taken_back_never_was(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.resolved(30))
    # the wait began before the resolution, and was heard of after it
    await escalation.deliver(delivered_at(escalation, case.pending("partner", 25, takes_back=True), case.at(31)))

    clocks = await _clocks(escalation, case)
    assert (clocks["resolution/1/0"]["state"], clocks["resolution/1/0"]["paused_at"] is not None) == ("paused", True)
    await escalation.deliver(case.resumed("partner", 40))
    clocks = await _clocks(escalation, case)
    assert datetime.fromisoformat(str(clocks["resolution/1/0"]["due_at"])) == case.at(480 + 15)
    assert clocks["first_response/1/0"]["state"] == "running"


async def test_the_resolution_after_one_that_was_taken_back_stands_though_it_dates_from_before(
    escalation: Harness,
) -> None:
    case = await a_case(escalation)
    for event, told in (
        (case.resolved(30), 40),
        (case.pending("part", 25, takes_back=True), 41),
        (case.resumed("part", 35), 42),
        (case.resolved(35), 42.1),
    ):
        await escalation.deliver(delivered_at(escalation, event, case.at(told)))

    clock = (await _clocks(escalation, case))["resolution/1/0"]
    assert (clock["state"], datetime.fromisoformat(str(clock["ended_at"]))) == ("met", case.at(35))


async def test_a_cancelled_case_has_no_running_clock_and_no_timer(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.cancelled(10))

    assert {clock["state"] for clock in (await _clocks(escalation, case)).values()} == {"stopped"}
    async with escalation.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM timers") == 0


async def test_business_hours_are_counted_on_the_policys_calendar(escalation: Harness) -> None:
    case = ACase(datetime.fromisoformat("2026-03-06T16:00:00+07:00"), "moderate")  # Friday, an hour before the end
    await escalation.deliver(case.opened())

    due = datetime.fromisoformat(str((await _clocks(escalation, case))["first_response/1/0"]["due_at"]))
    assert due == datetime.fromisoformat("2026-03-09T11:00:00+07:00")  # 4 business hours: one now, three on Monday


async def test_the_rows_can_be_drawn_again_from_the_recorded_facts_alone(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(
        case.responded(5),
        case.pending("customer", 10),
        case.resumed("customer", 25),
        case.resolved(60),
        case.reopened(90, 2),
    )
    async with escalation.transaction() as tx:
        facts = (await CaseFile.get(case.id, tx)).facts

    drawn = readings(
        [Fact.model_validate_json(fact.model_dump_json()) for fact in facts], lambda _s, _at: EscalationSettings()
    )
    clocks = await _clocks(escalation, case)
    assert {f"{r.kind}/{r.epoch}/{r.round}": (r.state, r.ended_at) for r in drawn} == {
        name: (clock["state"], datetime.fromisoformat(str(clock["ended_at"])) if clock["ended_at"] else None)
        for name, clock in clocks.items()
    }


async def test_clocks_page_by_what_is_due_first_and_filter(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.pending("partner", 1))

    seen, cursor = [], ""
    while True:
        page = (await escalation.get(f"/v1/clocks?limit=1{cursor}")).json()
        seen += [item["kind"] for item in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["first_response", "update", "resolution"]
    before = (case.opened_at + timedelta(hours=1)).isoformat().replace("+", "%2B")
    kinds = [i["kind"] for i in (await escalation.get(f"/v1/clocks?due_before={before}&state=running")).json()["items"]]
    assert kinds == ["first_response"]
    assert (await escalation.get("/v1/clocks", role="customer", accounts=[case.id])).status_code == 403
    clock_id = (await _clocks(escalation, case))["update/1/0"]["id"]
    assert (await escalation.get(f"/v1/clocks/{clock_id}")).json()["kind"] == "update"


async def test_a_wait_that_outlives_the_resolution_pauses_the_next_epoch_too(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.pending("partner", 10), case.resolved(20), case.reopened(30))
    assert (await _clocks(escalation, case))["resolution/2/0"]["state"] == "paused"
    assert [e.clock for e in await escalation.events(ClockStarted) if e.epoch == 2].count("resolution") == 1
    assert [(e.epoch, e.paused_at) for e in await escalation.events(ClockPaused)] == [
        (1, case.at(10)),
        (2, case.at(30)),
    ]
    await escalation.deliver(case.resumed("partner", 50))

    clocks = await _clocks(escalation, case)
    assert datetime.fromisoformat(str(clocks["resolution/2/0"]["due_at"])) == case.at(50 + 480)
