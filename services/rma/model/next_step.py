"""What happens next to an RMA by itself. It is decided here and nowhere else, from the RMA and what is known of its case.

Reactions carry a step out and ask again (`reactions/act_on.py`), until nothing follows. A step that was carried out changes the
RMA so that it does not follow once more.
"""

from datetime import datetime

from libs.events.entitlements import CoverageDecided
from services.rma.model.case_file import CaseFile, Diagnosis, Visit
from services.rma.model.outbound_leg import GRANTED, UNSHIPPED
from services.rma.model.return_leg import AWAITED, may_want_the_replacement, outcome
from services.rma.model.rma import NOT_COVERED, Rma
from services.rma.model.rma_values import WaitingFor
from services.rma.model.shipment import CarrierNews, Shipment
from services.rma.model.steps import (
    Authorize,
    Cancel,
    Close,
    DecideAnew,
    Deliver,
    Deny,
    FindDead,
    HandOverReturn,
    Install,
    Lose,
    LoseReturn,
    OpenReturnWindow,
    Readdress,
    Refuse,
    Replace,
    Reserve,
    Step,
    TurnUp,
    WantReplacementBack,
)


def learn(rma: Rma, case: CaseFile) -> None:
    """Writes onto the RMA what its case says of it now, as far as that can still change anything."""
    if rma.is_over:
        return
    rma.severity, rma.priority, rma.case_number = case.severity, case.priority, case.case_number
    rma.onsite = case.diagnoses[rma.diagnosis_id].technician_comes
    if rma.contract_due is None and rma.product_number is None:
        rma.product_number, rma.serial = case.product_number, case.serial
    if rma.awaits_cover:
        if case.coverage:
            rma.take_cover(case.coverage)
        rma.waiting_for = missing(case.coverage)


def missing(coverage: CoverageDecided | None) -> WaitingFor | None:
    """What a requested RMA waits for."""
    if coverage is None:
        return "coverage"
    return "site" if coverage.covered and coverage.site is None else None


def next_step(rma: Rma, case: CaseFile) -> Step | None:
    """What follows for this RMA from all that is known of its case; None: nothing, or not yet."""
    if rma.is_over:
        return None
    diagnosis = case.diagnoses[rma.diagnosis_id]
    return (
        _when_not_wanted(rma, case, diagnosis)
        or _way_out(rma, case)
        or _after_visits(rma, case, diagnosis)
        or _way_back(rma, case, diagnosis)
    )


def still_wanted(rma: Rma, case: CaseFile) -> bool:
    """Whether the case still needs this part, or another one in its place."""
    return case.cancelled is None and case.diagnoses[rma.diagnosis_id].withdrawn is None


def _when_not_wanted(rma: Rma, case: CaseFile, diagnosis: Diagnosis) -> Step | None:
    """What has not left stays here. Of a cancelled case, what has left and was not put in comes back."""
    if case.cancelled:
        reason = f"the case was cancelled: {case.cancelled.reason}"
        if rma.state in ("shipped", "delivered") and not rma.installation and may_want_the_replacement(rma):
            return WantReplacementBack(reason)
    elif diagnosis.withdrawn:
        reason = f"the diagnosis was withdrawn: {diagnosis.withdrawn.reason}"
    else:
        return None
    return Cancel(reason) if rma.state in UNSHIPPED else None


def _way_out(rma: Rma, case: CaseFile) -> Step | None:
    if case.coverage and case.coverage.corrections > rma.corrections and rma.state in GRANTED:
        return DecideAnew(case.coverage)
    if rma.state == "authorized":
        return Reserve()
    if rma.state in ("lost", "dead_on_arrival"):
        ended = "was lost" if rma.state == "lost" else "was dead on arrival"
        again = rma.replaced_by_rma_id is None and still_wanted(rma, case)
        return Replace(f"{rma.number} {ended}") if again else None
    if rma.state == "requested" and rma.replaces_rma_id and rma.contract_due:
        return Authorize(rma.history[-1].reason)
    return _by_cover(rma, case.coverage) if case.coverage else None


def _by_cover(rma: Rma, coverage: CoverageDecided) -> Step | None:
    """One that was denied for want of cover is granted when the cover comes after all."""
    if rma.awaits_cover:
        if coverage.covered:
            granted = Authorize(f"covered: {coverage.reason}", coverage.overridden)
            return granted if coverage.site else None
        explanation = f"The contract does not cover it: {coverage.reason}."
        return Deny(NOT_COVERED, explanation) if rma.state == "requested" else None
    moved = (coverage.site, coverage.contact) != (rma.ship_to, rma.contact)
    return Readdress(coverage) if rma.state in ("backordered", "reserved") and coverage.site and moved else None


def _after_visits(rma: Rma, case: CaseFile, diagnosis: Diagnosis) -> Step | None:
    """What the technician did with the part. A visit that the RMA is not ready for stays in the case file."""
    if rma.state not in ("shipped", "delivered") or rma.installation:
        return None
    for visit in diagnosis.visits:
        if (visit.kind == "completed" or visit.dead_on_arrival) and _concerns(visit, rma):
            # The technician holds the part, whatever the carrier has told so far.
            if rma.state == "shipped":
                return Deliver(visit.arrived_at or visit.at)
            if visit.kind == "completed":
                return Install(visit)
            return FindDead(visit.explanation, visit.at, still_wanted(rma, case))
    return None


def _concerns(visit: Visit, rma: Rma) -> bool:
    """The RMAs that it names. A visit that names none means those of its diagnosis that had been sent by then."""
    if named := {part.rma_id for part in visit.installed if part.rma_id} | set(visit.rma_ids):
        return rma.id in named
    return rma.replaces_rma_id is None or (rma.shipped_at is not None and rma.shipped_at <= visit.at)


def _way_back(rma: Rma, case: CaseFile, diagnosis: Diagnosis) -> Step | None:
    if rma.return_state == "awaiting_return" and rma.window is None:
        start = _counts_from(rma, case, diagnosis)
        return OpenReturnWindow(start) if start else None
    over = outcome(rma)
    return Close(over) if over else None


def _counts_from(rma: Rma, case: CaseFile, diagnosis: Diagnosis) -> datetime | None:
    """The delivery, or the end of the visit where a technician installs; of a dead part, the report. None: not known yet."""
    if rma.delivered_at is None:
        return None
    if rma.state == "dead_on_arrival":
        return rma.since("dead_on_arrival")
    if rma.returns == "unused_replacement":
        return max(rma.delivered_at, case.cancelled.cancelled_at) if case.cancelled else rma.delivered_at
    if not diagnosis.visits:
        return None if rma.onsite else rma.delivered_at
    over = diagnosis.visits_over_at
    return max(rma.delivered_at, over) if over else None


def after_news(rma: Rma, case: CaseFile, shipment: Shipment, news: CarrierNews) -> Step | None:
    """What the carrier's notice about this parcel means for the RMA; None: nothing that was not known."""
    at = news.occurred_at
    if shipment.direction == "return":
        if rma.return_state in AWAITED:
            return HandOverReturn(at)
        return LoseReturn(at) if news.word == "lost" and rma.return_state == "in_transit" else None
    if rma.tracking != shipment.tracking:
        return None
    match rma.state, news.word:
        case "shipped", "delivered":
            return Deliver(at)
        case "shipped", "lost":
            return Lose("lost by the carrier", at, still_wanted(rma, case))
        case "shipped", "refused":
            return Refuse(at)
        case "shipped", "returned_to_sender":
            return Refuse(at, "returned to the sender")
        case "lost", "delivered" if rma.delivered_at is None:
            return TurnUp(at)
        case _:
            return None
