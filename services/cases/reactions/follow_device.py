"""A device's trouble opens the case before the customer does (S12); what is measured on it belongs to the case."""

from libs.events.devices import DeviceAlertCleared, DeviceAlertRaised, DiagnosticsCollected
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.actor import DEVICES
from services.cases.model.alert import DeviceAlert
from services.cases.model.case import Case
from services.cases.model.lifecycle import OPEN
from services.cases.model.policy import policies
from services.cases.model.request import Request
from services.cases.model.wording import say
from services.cases.reactions.publish_note import note_fact
from services.cases.reactions.take_request import take_request


async def open_or_join_case(event: DeviceAlertRaised, tx: Transaction) -> None:
    """One case for each alert, unless the same serial has an open one: then the alert joins that."""
    if await DeviceAlert.find(event.alert_id, tx, lock=True):
        return
    same = (Case.c.account_id == event.account_id, Case.c.serial == event.serial, Case.c.state.in_(OPEN))
    # An alert earlier in this batch may have opened it.
    await tx.flush()
    present = await tx.select(Case, *same, order_by=(Case.c.opened_at, Case.c.id), limit=1, lock=True)
    if present:
        case = present[0]
        text = say("alert_joined", case.language, serial=event.serial, text=event.text)
        note_fact(case, tx, text, at=event.raised_at)
    else:
        policy = await policies.at(tx, severity=event.severity)
        case = await take_request(_request(event), policy, DEVICES, tx)
    alert = DeviceAlert(
        id=event.alert_id,
        account_id=event.account_id,
        case_id=case.id,
        rule=event.rule,
        raised_at=event.raised_at,
    )
    tx.add(alert)


def _request(event: DeviceAlertRaised) -> Request:
    return Request(
        id=derived(event.alert_id, "case"),
        account_id=event.account_id,
        channel="device",
        reporter_name=event.serial,
        description=event.text,
        observed_impact=event.observed_impact,
        severity=event.severity,
        language=event.language,
        product_number=event.product_number,
        serial=event.serial,
        family=event.family,
        contact_id=event.contact_id,
        site_id=event.site_id,
        alert_id=event.alert_id,
    )


async def note_alert_cleared(event: DeviceAlertCleared, tx: Transaction) -> None:
    """Proposes resolution and leaves it to people: an alert never closes a case by itself."""
    alert = await DeviceAlert.find(event.alert_id, tx, lock=True)
    if alert is None or alert.cleared_at:
        return
    alert.cleared_at = event.cleared_at
    if case := await Case.find(alert.case_id, tx, lock=True):
        text = say("alert_cleared", case.language, serial=event.serial, text=event.text or event.rule)
        note_fact(case, tx, text, at=event.cleared_at)
        if case.state in OPEN:
            case.proposed_resolution = text


async def note_diagnostics(event: DiagnosticsCollected, tx: Transaction) -> None:
    """What the network tools found, in a note. A test that was run for no case is nothing to us."""
    case = await Case.find(event.case_id, tx, lock=True) if event.case_id else None
    if case is None:
        return
    found = [f"{r.test} {r.target or ''}: {r.outcome} {r.detail or ''}".strip() for r in event.results]
    text = say("diagnostics", case.language, serial=event.serial, text="\n".join([event.summary, *found]))
    note_fact(case, tx, text, at=event.collected_at)
