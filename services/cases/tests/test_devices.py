"""A device's trouble opens the case before the customer does."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases import CaseOpened
from libs.events.devices import DiagnosticResult, DiagnosticsCollected
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    OTHER,
    alert_cleared,
    alert_raised,
    at,
    did,
    names,
    opened,
    shown,
)
from tests.support.harness import Harness


@pytest.mark.promise("S12")
async def test_an_alert_opens_a_case_with_the_sites_contact_and_the_rules_severity(cases: Harness) -> None:
    raised = alert_raised(severity="major")
    await cases.deliver(raised)

    [told] = await cases.events(CaseOpened)
    assert (told.channel, told.language) == ("device", "vi")
    assert (told.severity, told.serial, told.alert_id) == ("major", "SN-1", raised.alert_id)
    assert told.contact_id == raised.contact_id
    case = (await cases.get(f"/v1/cases/{told.case_id}", **CUSTOMER)).json()
    assert (case["family"], case["reporter_name"]) == ("studio", "SN-1")


async def test_the_same_alert_opens_one_case_however_often_it_is_told(cases: Harness) -> None:
    raised = cases.delivery(alert_raised())
    await cases.deliver(raised, raised)
    await cases.deliver(raised.event())

    assert len(await cases.events(CaseOpened)) == 1


async def test_a_second_alert_joins_the_open_case_of_the_same_serial(cases: Harness) -> None:
    case_id = await opened(cases)
    await cases.deliver(alert_raised(), alert_raised(text="The microphone is gone.", raised_at=at(0)))

    assert names(await cases.events()) == ["CaseOpened", "CaseRouted", "NoteAdded", "NoteAdded"]
    notes = (await cases.get(f"/v1/cases/{case_id}/notes")).json()["items"]
    assert "The microphone is gone." in notes[0]["text"]


async def test_two_alerts_of_one_unit_that_come_at_once_open_one_case(cases: Harness) -> None:
    """In one batch, where nothing of the first is written yet when the second is heard."""
    await cases.deliver(alert_raised(), alert_raised(text="The microphone is gone."), together=True)

    assert len(await cases.events(CaseOpened)) == 1


async def test_another_account_with_the_same_serial_gets_a_case_of_its_own(cases: Harness) -> None:
    await cases.deliver(alert_raised(account_id=OTHER), alert_raised())

    assert [c.account_id for c in await cases.events(CaseOpened)] == [OTHER, ACCOUNT]


async def test_a_cleared_alert_proposes_resolution_and_never_closes(cases: Harness) -> None:
    raised = alert_raised()
    await cases.deliver(raised, alert_cleared(raised), alert_cleared(raised))

    [told] = await cases.events(CaseOpened)
    case = await shown(cases, told.case_id)
    assert case["state"] == "acknowledged"
    assert "đề nghị kết thúc" in case["proposed_resolution"]
    assert len((await cases.get(f"/v1/cases/{told.case_id}/notes")).json()["items"]) == 1


async def test_an_alert_nobody_knows_clears_nothing(cases: Harness) -> None:
    await cases.deliver(alert_cleared(alert_raised()))

    assert await cases.outbox() == []


@pytest.mark.promise("S11")
async def test_what_was_measured_is_attached_to_the_case_as_a_note(cases: Harness) -> None:
    case_id = await opened(cases)
    results = [DiagnosticResult(test="dns", target="example.com", outcome="failed", detail="NXDOMAIN")]
    same: dict[str, Any] = {"device_id": uuid4(), "account_id": ACCOUNT, "serial": "SN-1", "summary": "1 of 5 failed"}

    def collected(about: UUID | None) -> DiagnosticsCollected:
        return DiagnosticsCollected(diagnostics_id=uuid4(), case_id=about, results=results, collected_at=at(1), **same)

    await cases.deliver(collected(case_id), collected(None), collected(uuid4()))
    [note] = (await cases.get(f"/v1/cases/{case_id}/notes")).json()["items"]
    assert "NXDOMAIN" in note["text"]


async def test_a_resolved_case_is_not_joined(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "assign")
    await did(cases, case_id, "resolve", {"resolution": "restarted"})
    await cases.deliver(alert_raised())

    assert len(await cases.events(CaseOpened)) == 2
