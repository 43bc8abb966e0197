"""What follows by itself, from the RMA and what is known of its case: the rules alone, without a database."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from libs.store.ids import new_id
from services.rma.model import steps
from services.rma.model.case_file import CaseFile, Visit
from services.rma.model.next_step import after_news, learn, next_step
from services.rma.model.rma import Rma
from services.rma.model.rma_values import Change, Denial, Installation, OutboundState, ReturnState
from services.rma.model.shipment import CarrierNews, Direction, Shipment
from services.rma.reactions import act_on
from services.rma.tests.builders import ACCOUNT, SITE, Case

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
STORY = Case("story", at=NOW)
LATER = NOW + timedelta(days=2)
UNSHIPPED: list[OutboundState] = ["requested", "denied", "authorized", "reserved", "backordered"]


def a_case(*, covered: bool | None = True, cancelled: bool = False, withdrawn: bool = False) -> CaseFile:
    """The file of a case with one diagnosed part; `covered` is None while nobody has decided."""
    case = CaseFile(id=STORY.id, account_id=ACCOUNT, diagnoses={}, serial="SN-1", product_number="X70")
    case.diagnosis(STORY.diagnosis_id).fault = STORY.diagnosed()
    case.coverage = None if covered is None else STORY.covered(covered=covered)
    case.cancelled = STORY.cancelled() if cancelled else None
    case.diagnosis(STORY.diagnosis_id).withdrawn = STORY.withdrawn() if withdrawn else None
    return case


def an_rma(state: OutboundState, case: CaseFile, return_state: ReturnState = "not_required") -> Rma:
    """An RMA for that diagnosis in these states, with everything that its way there has left on it."""
    rma = Rma(
        id=STORY.rma_id,
        account_id=ACCOUNT,
        number="RMA-2026-000001",
        case_id=STORY.id,
        case_number="CASE-2026-000001",
        diagnosis_id=STORY.diagnosis_id,
        cause_id=STORY.diagnosis_id,
        component="camera",
        whole_unit=False,
        wanted_part="P-CAM-70",
        product_number="X70",
        serial="SN-1",
        severity="critical",
        priority="P1",
        onsite=False,
        diagnosed_at=NOW,
        repeat_of=[],
        return_serial=None,
        history=[Change(leg="outbound", state=state, at=LATER, by="test", reason="because")],
        created_at=NOW,
        state=state,
        return_state=return_state,
    )
    if case.coverage:
        rma.ship_to, rma.contact = case.coverage.site, case.coverage.contact
    if state == "denied":
        rma.denial = Denial(reason="not_covered", explanation="the contract ended")
    if state not in UNSHIPPED:
        rma.shipped_at, rma.tracking, rma.carrier = NOW, "T-1", "van"
    if state in ("delivered", "dead_on_arrival"):
        rma.delivered_at = NOW
    return rma


def a_visit(kind: str = "completed", **how: object) -> Visit:
    return Visit.model_validate({"kind": kind, "work_order_id": new_id(), "at": LATER, **how})


@pytest.mark.parametrize("state", UNSHIPPED)
@pytest.mark.parametrize("how", ["cancelled", "withdrawn"])
def test_what_has_not_left_is_stopped_when_it_is_not_wanted_any_more(state: OutboundState, how: str) -> None:
    case = a_case(**{how: True})
    step = next_step(an_rma(state, case), case)
    assert isinstance(step, steps.Cancel)
    assert "was " + how in step.reason


@pytest.mark.parametrize("state", ["shipped", "delivered"])
def test_what_has_left_for_a_cancelled_case_comes_back_unless_it_was_put_in(state: OutboundState) -> None:
    case = a_case(cancelled=True)
    rma = an_rma(state, case, "awaiting_return")
    assert isinstance(next_step(rma, case), steps.WantReplacementBack)
    rma.installation = Installation(by="customer", at=NOW)
    assert not isinstance(next_step(rma, case), steps.WantReplacementBack)


@pytest.mark.parametrize("state", ["cancelled", "closed"])
def test_nothing_follows_an_end(state: OutboundState) -> None:
    case = a_case(cancelled=True)
    assert next_step(an_rma(state, case), case) is None


def test_a_requested_rma_goes_as_the_cover_says_and_waits_while_nobody_does() -> None:
    waiting = a_case(covered=None)
    rma = an_rma("requested", waiting)
    learn(rma, waiting)
    assert (next_step(rma, waiting), rma.waiting_for) == (None, "coverage")

    covered, not_covered = a_case(), a_case(covered=False)
    assert next_step(rma, covered) == steps.Authorize("covered: active_contract")
    assert next_step(rma, not_covered) == steps.Deny("not_covered", "The contract does not cover it: contract_expired.")


@pytest.mark.parametrize("state", get_args(OutboundState))
def test_what_was_granted_and_has_not_left_is_decided_anew_for_a_corrected_case(state: OutboundState) -> None:
    case = a_case()
    rma = an_rma(state, case)
    case.coverage = STORY.covered(revision=2, corrections=1)
    anew = next_step(rma, case) == steps.DecideAnew(case.coverage)
    assert anew == (state in {"authorized", "reserved", "backordered"})
    rma.corrections = 1
    assert next_step(rma, case) != steps.DecideAnew(case.coverage)


def test_an_rma_in_place_of_another_that_was_taken_back_goes_by_the_cover() -> None:
    case = a_case(covered=False)
    rma = an_rma("requested", case)
    rma.replaces_rma_id = new_id()
    assert isinstance(next_step(rma, case), steps.Deny)


def test_cover_without_a_site_waits_for_a_decision_that_names_one() -> None:
    case = a_case()
    case.coverage = STORY.covered(site=None)
    rma = an_rma("requested", case)
    learn(rma, case)
    assert (next_step(rma, case), rma.waiting_for) == (None, "site")


def test_cover_that_comes_after_all_takes_back_a_denial_for_want_of_it_and_no_other() -> None:
    case = a_case()
    rma = an_rma("denied", case)
    assert isinstance(next_step(rma, case), steps.Authorize)
    rma.denial = Denial(reason="no_part_fits", explanation="there is none")
    assert next_step(rma, case) is None


@pytest.mark.parametrize("state", ["backordered", "reserved"])
def test_another_address_is_followed_until_the_part_has_left(state: OutboundState) -> None:
    case = a_case()
    rma, shipped = an_rma(state, case), an_rma("shipped", case, "awaiting_return")
    assert next_step(rma, case) is None
    case.coverage = STORY.covered(revision=2, site=SITE.model_copy(update={"city": "Đà Nẵng"}))
    assert next_step(rma, case) == steps.Readdress(case.coverage)
    assert next_step(shipped, case) is None


@pytest.mark.parametrize("state", ["lost", "dead_on_arrival"])
def test_a_part_that_failed_is_replaced_once_and_only_while_it_is_wanted(state: OutboundState) -> None:
    case = a_case()
    rma = an_rma(state, case)
    assert isinstance(next_step(rma, case), steps.Replace)
    rma.replaced_by_rma_id = new_id()
    assert next_step(rma, case) == steps.Close(state)
    for unwanted in (a_case(cancelled=True), a_case(withdrawn=True)):
        assert next_step(an_rma(state, unwanted), unwanted) == steps.Close(state)


def test_an_rma_in_place_of_another_is_granted_whatever_the_cover_says() -> None:
    case = a_case(covered=False)
    rma = an_rma("requested", case)
    rma.replaces_rma_id, rma.contract_due = new_id(), LATER.date()
    assert next_step(rma, case) == steps.Authorize("because")


def test_a_technician_who_has_the_part_holds_it_and_what_he_did_follows() -> None:
    case = a_case()
    visit = a_visit(arrived_at=NOW)
    case.diagnosis(STORY.diagnosis_id).add(visit)
    assert next_step(an_rma("shipped", case), case) == steps.Deliver(NOW)
    assert next_step(an_rma("delivered", case), case) == steps.Install(visit)
    assert next_step(an_rma("reserved", case), case) is None


def test_a_dead_part_is_found_by_the_visit_that_names_its_rma() -> None:
    case = a_case()
    elsewhere = a_visit("failed", dead_on_arrival=True, explanation="dark", rma_ids=[new_id()], last=False)
    case.diagnosis(STORY.diagnosis_id).add(elsewhere)
    assert next_step(an_rma("delivered", case, "inspected"), case) == steps.Close("replaced")
    here = a_visit("failed", dead_on_arrival=True, explanation="dark", rma_ids=[STORY.rma_id], last=False)
    case.diagnosis(STORY.diagnosis_id).add(here)
    assert next_step(an_rma("delivered", case, "inspected"), case) == steps.FindDead("dark", LATER, again=True)


def test_the_return_window_counts_from_the_delivery_or_from_the_end_of_the_last_visit() -> None:
    case = a_case()
    rma = an_rma("delivered", case, "awaiting_return")
    assert next_step(rma, case) == steps.OpenReturnWindow(NOW)
    rma.onsite = True
    assert next_step(rma, case) is None
    case.diagnosis(STORY.diagnosis_id).add(a_visit("failed", last=False))
    assert next_step(rma, case) is None
    case.diagnosis(STORY.diagnosis_id).add(a_visit("cancelled", at=LATER + timedelta(days=1)))
    assert next_step(rma, case) == steps.OpenReturnWindow(LATER + timedelta(days=1))
    rma.delivered_at = LATER + timedelta(days=2)
    assert next_step(rma, case) == steps.OpenReturnWindow(rma.delivered_at)


def test_the_window_of_a_dead_part_counts_from_its_report() -> None:
    case = a_case(withdrawn=True)
    rma = an_rma("dead_on_arrival", case, "awaiting_return")
    assert next_step(rma, case) == steps.OpenReturnWindow(LATER)


@pytest.mark.parametrize(
    ("state", "direction", "status", "follows"),
    [
        ("shipped", "outbound", "delivered", steps.Deliver(LATER)),
        ("shipped", "outbound", "lost", steps.Lose("lost by the carrier", LATER, again=True)),
        ("shipped", "outbound", "refused", steps.Refuse(LATER)),
        ("shipped", "outbound", "in_transit", None),
        ("delivered", "outbound", "lost", None),
        ("lost", "outbound", "delivered", steps.TurnUp(LATER)),
        ("delivered", "return", "picked_up", steps.HandOverReturn(LATER)),
        ("delivered", "return", "lost", steps.HandOverReturn(LATER)),
    ],
)
def test_what_the_carriers_notice_means(
    state: OutboundState, direction: Direction, status: str, follows: steps.Step | None
) -> None:
    case = a_case()
    rma = an_rma(state, case, "awaiting_return")
    notice = CarrierNews(webhook_id="1", status=status, occurred_at=LATER, sequence=1)
    parcel = Shipment(
        id=new_id(),
        account_id=ACCOUNT,
        rma_id=rma.id,
        direction=direction,
        reference="RMA-2026-000001-OUT-1",
        tracking="T-1",
        service="next_business_day",
        papers=[],
        news=[notice],
        created_at=NOW,
    )
    assert after_news(rma, case, parcel, notice) == follows
    parcel.tracking = "T-2"
    assert direction == "return" or after_news(rma, case, parcel, notice) is None


def test_every_step_has_a_reaction_that_carries_it_out() -> None:
    assert set(act_on.CARRY_OUT) == set(get_args(steps.Step))
