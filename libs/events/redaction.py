"""What a redaction takes out: which events carry which text of a case. Whoever keeps facts of cases keeps them without it.

The fact of a redaction names a text and never says it. It may be heard before the text: then the text is never kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Self, TypeVar
from uuid import UUID

from libs.events.base import Event
from libs.events.cases import (
    CancellationDeclined,
    CancellationRequested,
    CancellationWithdrawn,
    CaseAssigned,
    CaseCancelled,
    CaseClosed,
    CaseCorrected,
    CaseOpened,
    CasePending,
    CaseReopened,
    CaseResolved,
    CaseResumed,
    CasesMerged,
    CaseSplit,
    CoverageOverridden,
    CoverageOverrideWithdrawn,
    SeverityChanged,
)
from libs.events.cases_work import (
    CaseLeftIncident,
    DiagnosisWithdrawn,
    FaultDiagnosed,
    InternalNoteAdded,
    InternalTextRedacted,
    NoteAdded,
    PartnerConsentWithdrawn,
    PartnerTicketRequested,
    ProblemLinked,
    ProblemUnlinked,
    SatisfactionGiven,
    TextRedacted,
    WorkaroundProvided,
)
from libs.events.devices import DeviceAlertCleared, DeviceAlertRaised, DiagnosticsCollected
from libs.events.ecps import (
    FindingsShared,
    PartnerEngagementRequested,
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketMissing,
    PartnerTicketNotOpenable,
    PartnerTicketReopened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
    PartnerTicketWithdrawn,
)
from libs.events.ecps_calls import JointCallCancelled, JointCallHeld, JointCallRequested, JointCallScheduled
from libs.events.escalation import (
    BreachJoined,
    EscalationAcknowledged,
    EscalationHandedOver,
    EscalationRaised,
    EscalationResolved,
    ExpertEngaged,
)
from libs.events.onsite import (
    DepartureUndone,
    OnsiteNotCovered,
    SoftwareRestoreApproved,
    TechnicianArrived,
    TechnicianDelayed,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitMissed,
    VisitRescheduled,
    WorkOrderOpened,
)
from libs.events.rma import (
    PartDeadOnArrival,
    PartLost,
    PartRefused,
    PartReserved,
    RmaAuthorized,
    RmaCancelled,
    RmaDenied,
    ShipmentUpdated,
)
from libs.events.rma_returns import DefectiveInspected, InvoiceDisputed, InvoiceSettled, InvoiceUpheld, ReturnRejected
from libs.events.values import Instant, RedactedText, Value

E = TypeVar("E", bound=Event)
TAKES_OUT = (TextRedacted, InternalTextRedacted)
"""The facts that a text was taken out."""
REDACTED = "redacted"
"""Stands as true beside what is left of an event's data."""

_CARRIED: Mapping[RedactedText, Mapping[str, tuple[str, str]]] = {
    "note": {event.contract.name: ("note_id", "text") for event in (NoteAdded, InternalNoteAdded)},
    "description": {
        CaseOpened.contract.name: ("case_id", "description"),
        CaseCorrected.contract.name: ("correction_id", "description"),
    },
    "finding": {
        FaultDiagnosed.contract.name: ("diagnosis_id", "findings"),
        FindingsShared.contract.name: ("diagnosis_id", "summary"),
    },
    "resolution": {CaseResolved.contract.name: ("case_id", "resolution")},
    "wait": {CasePending.contract.name: ("wait_id", "note")},
    "satisfaction": {SatisfactionGiven.contract.name: ("satisfaction_id", "words")},
}
"""By type: the field that says which one it is, and the field with the text. No event carries a file or a time entry."""
_TYPED: Mapping[type[Event], tuple[str, ...]] = {
    BreachJoined: (),
    CancellationDeclined: ("reason",),
    CancellationRequested: ("reason",),
    CancellationWithdrawn: ("reason",),
    CaseAssigned: ("reason",),
    CaseCancelled: ("reason",),
    CaseClosed: ("reason",),
    CaseCorrected: ("reason",),
    CaseLeftIncident: ("reason",),
    CaseOpened: ("no_product_reason",),
    CaseReopened: ("reason",),
    CaseResumed: ("reason",),
    CaseSplit: ("reason",),
    CasesMerged: ("reason",),
    CoverageOverridden: ("reason",),
    CoverageOverrideWithdrawn: ("reason",),
    DeviceAlertCleared: ("text",),
    DeviceAlertRaised: ("text",),
    DiagnosisWithdrawn: ("reason",),
    DiagnosticsCollected: ("summary", "results.target", "results.detail"),
    DefectiveInspected: ("note",),
    DepartureUndone: ("reason",),
    EscalationAcknowledged: (),
    EscalationHandedOver: ("note",),
    EscalationRaised: (),
    EscalationResolved: ("resolution",),
    ExpertEngaged: ("reason",),
    InvoiceDisputed: ("reason",),
    InvoiceSettled: ("reason",),
    InvoiceUpheld: ("reason",),
    JointCallCancelled: ("reason",),
    JointCallHeld: ("outcome", "actions.what"),
    JointCallRequested: ("purpose",),
    JointCallScheduled: (),
    OnsiteNotCovered: ("explanation",),
    PartDeadOnArrival: ("symptom",),
    PartLost: ("reason",),
    PartRefused: ("reason",),
    PartReserved: ("reason",),
    PartnerConsentWithdrawn: ("message",),
    PartnerEngagementRequested: (),
    PartnerInformationRequired: ("needed",),
    PartnerTicketClosed: ("reason",),
    PartnerTicketMissing: (),
    PartnerTicketNotOpenable: ("explanation",),
    PartnerTicketReopened: ("text",),
    PartnerTicketRequested: ("message",),
    PartnerTicketResolved: ("resolution",),
    PartnerTicketUpdated: ("text",),
    PartnerTicketWithdrawn: ("reason",),
    ProblemLinked: ("symptom", "workaround"),
    ProblemUnlinked: ("reason",),
    ReturnRejected: ("reason",),
    RmaAuthorized: ("reason",),
    RmaCancelled: ("reason",),
    RmaDenied: ("explanation",),
    SeverityChanged: ("reason",),
    ShipmentUpdated: ("text", "location"),
    SoftwareRestoreApproved: ("reason",),
    TechnicianArrived: ("outside_hours",),
    TechnicianDelayed: ("reason",),
    VisitCancelled: ("reason",),
    VisitCompleted: ("note", "signed_as", "signed_instead"),
    VisitFailed: ("explanation",),
    VisitMissed: ("reason",),
    VisitRescheduled: ("reason",),
    WorkOrderOpened: (),
    WorkaroundProvided: ("text", "appropriate_because"),
}
TYPED: Mapping[str, tuple[str, ...]] = {event.contract.name: paths for event, paths in _TYPED.items()}
"""What else people type, or another system, by the fact that says it: taken out as a `fact`, or with the note that told it again.
Where there is no path, the words stand in the rows of the fact's service alone, with the fact's instant or one of their own.
"""


class Redaction(Value):
    """Which text was taken out, and what stands in its place."""

    what: RedactedText
    id: UUID
    source_id: UUID | None = None
    said_at: Instant | None = None
    replacement: str | None = None

    @classmethod
    def of(cls, event: TextRedacted | InternalTextRedacted) -> Self:
        return cls.model_validate(event.model_dump(include=set(cls.model_fields)))

    @property
    def instead(self) -> str:
        """The replacement, or an empty text."""
        return self.replacement or ""

    def out_of(
        self, ce_type: str, event_id: UUID, data: Any, causation_id: UUID | None = None
    ) -> dict[str, Any] | None:
        """An event's data without the text, in whatever version; None where it is not in it."""
        if not isinstance(data, dict):
            return None
        left, ids = data, {event_id, causation_id if self.what == "fact" else event_id}
        for path in self._places(ce_type.rpartition(".v")[0], ids, data):
            left = _with(left, path.split("."), self.instead)
        return {**left, REDACTED: True} if left != data else None

    def _places(self, name: str, ids: AbstractSet[UUID | None], data: Mapping[str, Any]) -> tuple[str, ...]:
        """A fact's words, and those of what it brought about, which says them again."""
        fact = self.id if self.what == "fact" else self.source_id
        which, text = _CARRIED.get(self.what, {}).get(name, ("", ""))
        typed = TYPED.get(name, ()) if fact in ids else ()
        return (*typed, text) if which and data.get(which) == str(self.id) else typed


def addressed(name: str) -> set[str]:
    """The fields of this type that say a text which has an id of its own."""
    return {carried[name][1] for carried in _CARRIED.values() if name in carried}


def words_of(ce_type: str, data: Mapping[str, Any]) -> set[str]:
    """What somebody typed that this fact says."""
    return {word for path in TYPED.get(ce_type.rpartition(".v")[0], ()) for word in _at(data, path.split("."))} - {""}


def added(redactions: Iterable[Redaction], new: Redaction) -> list[Redaction]:
    """With the new one; of a text that was taken out before, the last word holds."""
    return [*(each for each in redactions if (each.what, each.id) != (new.what, new.id)), new]


def without(event: E, redactions: Iterable[Redaction]) -> E:
    """A fact of the case's own service as it is kept: without the texts that were taken out."""
    name, changes = event.contract.name, {}
    for each in redactions:
        which, text = _CARRIED.get(each.what, {}).get(name, ("", ""))
        if which and getattr(event, which) == each.id:
            changes[text] = each.instead
        if each.said_at and each.said_at in vars(event).values():
            changes |= {path: each.instead for path in TYPED.get(name, ()) if getattr(event, path, None)}
    return event.model_copy(update=changes) if changes else event


def _with(node: Any, path: list[str], text: str) -> Any:
    if isinstance(node, list):
        return [_with(each, path, text) for each in node]
    if not isinstance(node, dict) or node.get(path[0]) is None:
        return node
    name, *further = path
    return {**node, name: _with(node[name], further, text) if further else text}


def _at(node: Any, path: list[str]) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _at(each, path)
    elif isinstance(node, dict) and path:
        yield from _at(node.get(path[0]), path[1:])
    elif isinstance(node, str):
        yield node
