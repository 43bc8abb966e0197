"""Facts of the other services: what is waited for, what resolves a case by itself, and what takes that back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from libs.events import Event
from libs.events.cases import CaseClosed, CasePending, CaseReopened, CaseResolved, CaseResumed
from libs.events.cases_work import NoteAdded
from libs.events.onsite import VisitCancelled, VisitFailed, VisitMissed
from libs.events.rma import PartLost, PartRefused, RmaDenied
from libs.kit.calendar import calendar
from services.cases.model.policy import HOME, CasesPolicy
from services.cases.tests.builders import (
    CUSTOMER,
    DIAGNOSIS,
    RMA,
    WORK_ORDER,
    a_fault,
    at,
    did,
    in_progress,
    names,
    opened,
    part_delivered,
    part_shipped,
    replacement_installed,
    resolved,
    shown,
    technician_delayed,
    visit_completed,
    visit_lost_its_time,
    visit_scheduled,
    waits_of,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal


@pytest.mark.promise("S3")
@pytest.mark.promise("S27")
async def test_a_signed_visit_resolves_the_case_when_nothing_else_is_waited_for(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)), visit_scheduled(case_id, at(2)))
    assert waits_of(await shown(cases, case_id)) == ["part", "visit"]
    await cases.deliver(part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "pending"
    await cases.deliver(visit_completed(case_id, at(90)))

    [note] = (await cases.get(f"/v1/cases/{case_id}/notes")).json()["items"]
    assert (note["origin"], note["author_name"]) == ("technician", "Kỹ thuật viên")
    case = await shown(cases, case_id)
    assert case["state"] == "resolved"
    assert case["resolution"]["automatic"]
    [told] = await cases.events(CaseResolved)
    assert case["resolution"]["text"] == told.resolution == "Đã sửa tại chỗ; khách hàng đã ký xác nhận."
    assert (told.automatic, told.cause_id, told.by_role) == (True, WORK_ORDER, "system")
    assert told.downtime_seconds is not None
    assert told.downtime_seconds >= 89 * 60
    assert [h["state"] for h in case["history"]] == [
        "acknowledged",
        "in_progress",
        "pending",
        "in_progress",
        "resolved",
    ]


async def test_a_visit_without_its_parts_delivery_waits_for_it(cases: Harness) -> None:
    case_id = await in_progress(cases)
    completed = visit_completed(case_id, at(90))
    await cases.deliver(part_shipped(case_id, at(1)), visit_scheduled(case_id, at(2)), completed)
    assert (await shown(cases, case_id))["state"] == "pending"

    await cases.deliver(part_delivered(case_id, at(60)))
    case = await shown(cases, case_id)
    assert case["state"] == "resolved"
    assert datetime.fromisoformat(case["resolved_at"]) == completed.completed_at


async def test_a_wait_that_comes_to_light_takes_an_automatic_resolution_back(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(visit_completed(case_id, at(90)))
    assert (await shown(cases, case_id))["state"] == "resolved"

    await cases.deliver(part_shipped(case_id, at(1)))
    case = await shown(cases, case_id)
    assert (case["state"], case["resolution"], case["closes_at"]) == ("pending", None, None)
    [pending] = await cases.events(CasePending)
    assert pending.takes_back_resolution
    await cases.advance(timedelta(days=30))
    assert (await shown(cases, case_id))["state"] == "pending"
    await cases.deliver(part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_a_wait_leaves_a_resolution_by_hand_alone(cases: Harness) -> None:
    case_id = await resolved(cases)
    await cases.deliver(part_shipped(case_id, at(1)))

    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("resolved", ["part"])
    assert await cases.events(CasePending) == []


async def test_a_part_that_the_customer_installed_and_confirms_resolves(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)), part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "in_progress"

    await cases.deliver(replacement_installed(case_id, at(70)))
    assert (await shown(cases, case_id))["resolution"]["cause_id"] == str(RMA)


async def test_what_a_technician_installed_is_confirmed_by_the_signature_only(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(replacement_installed(case_id, at(70), installed_by="technician", work_order_id=WORK_ORDER))

    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_the_engineer_can_object_and_the_old_signature_counts_no_more(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(visit_completed(case_id, await cases.now()))
    assert (await shown(cases, case_id))["state"] == "resolved"
    await did(cases, case_id, "reopen", {"reason": "the picture still flickers"})

    await did(cases, case_id, "assign")
    await cases.deliver(part_shipped(case_id, at(1), uuid4()))
    case = await shown(cases, case_id)
    assert case["state"] == "pending"
    [part] = [w for w in case["waits"] if w["ended_at"] is None]
    await did(cases, case_id, f"waits/{part['id']}/end", {"reason": "not needed"})
    assert (await shown(cases, case_id))["state"] == "in_progress"
    assert len(await cases.events(CaseReopened)) == 1


@pytest.mark.parametrize("ending", ["lost", "refused", "installed"])
async def test_every_end_of_a_shipment_ends_its_wait(cases: Harness, ending: str) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)))
    same: dict[str, Any] = {"rma_id": RMA, "case_id": case_id, "diagnosis_id": DIAGNOSIS}
    endings: dict[str, Event] = {
        "lost": PartLost(**same, reason="the truck burned", lost_at=at(60)),
        "refused": PartRefused(**same, reason="nobody there", refused_at=at(60)),
        "installed": replacement_installed(case_id, at(60), installed_by="technician"),
    }
    await cases.deliver(endings[ending])

    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("in_progress", [])
    [resumed] = await cases.events(CaseResumed)
    assert resumed.waited_seconds == 59 * 60


@pytest.mark.parametrize("ending", ["failed", "missed", "cancelled"])
async def test_a_visit_that_came_to_nothing_ends_its_wait_with_a_note(cases: Harness, ending: str) -> None:
    case_id = await in_progress(cases)
    scheduled = visit_scheduled(case_id, at(1))
    await cases.deliver(scheduled)
    same: dict[str, Any] = {"work_order_id": WORK_ORDER, "case_id": case_id, "diagnosis_id": DIAGNOSIS}
    same["appointment_id"] = uuid4()
    endings: dict[str, Event] = {
        "failed": VisitFailed(
            **same, technician_id=uuid4(), reason="no_access", explanation="cửa khóa", by="t", failed_at=at(60)
        ),
        "missed": VisitMissed(**same, window=scheduled.window, reason="traffic", missed_at=at(60)),
        "cancelled": VisitCancelled(**same, reason="withdrawn", by="system", cancelled_at=at(60)),
    }
    await cases.deliver(endings[ending])

    assert (await shown(cases, case_id))["state"] == "in_progress"
    [note] = await cases.events(NoteAdded)
    assert (note.origin, note.source_id is not None) == ("system", True)
    await cases.deliver(visit_scheduled(case_id, at(61)))
    assert (await shown(cases, case_id))["state"] == "pending"


@pytest.mark.promise("S31")
async def test_a_customer_who_is_asked_for_another_time_is_waited_for_until_one_is_booked(cases: Harness) -> None:
    case_id = await in_progress(cases)
    scheduled = visit_scheduled(case_id, at(1))
    await cases.deliver(scheduled, visit_lost_its_time(scheduled, at(2)))

    assert waits_of(await shown(cases, case_id)) == ["customer"]
    [note] = await cases.events(NoteAdded)
    assert "2026-03-12 09:00" in note.text
    await cases.deliver(visit_scheduled(case_id, at(3)))
    assert waits_of(await shown(cases, case_id)) == ["visit"]
    await cases.deliver(visit_completed(case_id, at(90)))
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_a_technician_who_is_late_and_who_signed_instead_are_told_in_the_case(cases: Harness) -> None:
    case_id = await in_progress(cases)
    scheduled = visit_scheduled(case_id, at(1))
    signed = visit_completed(case_id, at(90)).model_copy(
        update={"signed_as": "receptionist", "signed_instead": "the contact had left"}
    )
    await cases.deliver(scheduled, technician_delayed(scheduled, at(60)), signed)

    late, instead = await cases.events(NoteAdded)
    assert "2026-03-12 09:00 (Asia/Ho_Chi_Minh)" in late.text
    assert "flat tyre" in late.text
    assert "receptionist: the contact had left" in instead.text


async def test_a_closed_case_takes_facts_as_notes_and_stays_closed(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "close", {}, **CUSTOMER)
    denied = RmaDenied(
        rma_id=RMA,
        case_id=case_id,
        diagnosis_id=DIAGNOSIS,
        reason="not_covered",
        explanation="no contract",
        by="s",
        denied_at=at(1),
    )
    await cases.deliver(denied, part_shipped(case_id, at(2)))

    assert (await shown(cases, case_id))["state"] == "closed"
    [note] = (await cases.get(f"/v1/cases/{case_id}/notes", **CUSTOMER)).json()["items"]
    assert "no contract" in note["text"]
    assert names(await cases.events())[-1] == "NoteAdded"


async def test_a_case_on_which_nobody_objects_closes_after_five_business_days(cases: Harness) -> None:
    case_id = await resolved(cases)
    closes_at = datetime.fromisoformat((await shown(cases, case_id))["closes_at"])

    await cases.advance(closes_at - await cases.now() - timedelta(minutes=1))
    assert (await shown(cases, case_id))["state"] == "resolved"
    await cases.advance(timedelta(minutes=1))
    assert (await shown(cases, case_id))["state"] == "closed"
    [closed] = await cases.events(CaseClosed)
    assert (closed.automatic, closed.by_role) == (True, "system")


def test_five_business_days_end_with_the_fifth() -> None:
    tuesday = datetime(2026, 3, 3, 2, tzinfo=UTC)

    policy = CasesPolicy()
    days = calendar(HOME)
    midnight_in_ho_chi_minh_city = datetime(2026, 3, 10, 17, tzinfo=UTC)
    assert days.end_of_working_day(tuesday, policy.auto_close_business_days).at == midnight_in_ho_chi_minh_city


async def test_a_parent_whose_child_is_open_does_not_close_by_time_until_it_may(cases: Harness) -> None:
    parent = await in_progress(cases)
    child = await in_progress(cases, parent_id=str(parent))
    await did(cases, parent, "resolve", {"resolution": "replaced"})
    await cases.advance(timedelta(days=10))
    assert (await shown(cases, parent))["state"] == "resolved"

    await did(cases, child, "resolve", {"resolution": "replaced"})
    await did(cases, child, "close")
    await cases.advance(timedelta(days=20))  # five business days may be more than two weeks, around Tết
    assert (await shown(cases, parent))["state"] == "closed"


async def test_a_reopened_case_is_not_closed_by_the_old_timer(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)
    await cases.advance(timedelta(days=20))

    assert (await shown(cases, case_id))["state"] == "in_progress"


@pytest.mark.promise("S26")
async def test_a_diagnosis_stands_until_withdrawn_beside_others(cases: Harness) -> None:
    case_id = await opened(cases)
    first = await did(cases, case_id, "diagnoses", a_fault())
    await did(cases, case_id, "diagnoses", a_fault(remedy="partner_ticket", partner_id=str(uuid4())))
    gone = await did(cases, case_id, f"diagnoses/{first['id']}/withdraw", {"reason": "it was the cable"})

    assert (gone["stands"], gone["withdrawn_because"]) == (False, "it was the cable")
    again = await cases.post(f"/v1/cases/{case_id}/diagnoses/{first['id']}/withdraw", {"reason": "twice"})
    elsewhere = await cases.post(
        f"/v1/cases/{await opened(cases)}/diagnoses/{first['id']}/withdraw", {"reason": "lost"}
    )
    assert refusal(again) == (409, "diagnosis-withdrawn-already")
    assert elsewhere.status_code == 404
    standing = (await cases.get(f"/v1/cases/{case_id}/diagnoses?stands=true", **CUSTOMER)).json()["items"]
    assert [d["remedy"] for d in standing] == ["partner_ticket"]
    assert [n for n in names(await cases.events()) if "Diagnos" in n] == [
        "FaultDiagnosed",
        "FaultDiagnosed",
        "DiagnosisWithdrawn",
    ]


async def test_a_partner_ticket_needs_its_partner_and_only_engineers_diagnose(cases: Harness) -> None:
    case_id = await opened(cases)
    path = f"/v1/cases/{case_id}/diagnoses"

    without = await cases.post(path, a_fault(remedy="partner_ticket"))
    assert refusal(without) == (422, "a partner ticket needs partner_id")
    assert (await cases.post(path, a_fault(), **CUSTOMER)).status_code == 403
