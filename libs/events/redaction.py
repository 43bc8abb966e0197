"""What a redaction takes out: which events carry which text of a case. Whoever keeps facts of cases keeps them without it.

The fact of a redaction names a text and never says it. It may be heard before the text: then the text is never kept.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from libs.events.base import Event
from libs.events.cases import CaseCorrected, CaseOpened, CasePending, CaseResolved
from libs.events.cases_work import FaultDiagnosed, InternalNoteAdded, InternalTextRedacted, NoteAdded, TextRedacted
from libs.events.devices import DeviceAlertCleared, DeviceAlertRaised, DiagnosticsCollected
from libs.events.ecps import (
    FindingsShared,
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketNotOpenable,
    PartnerTicketResolved,
    PartnerTicketUpdated,
    PartnerTicketWithdrawn,
)
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed, VisitMissed
from libs.events.rma import PartLost, PartRefused, RmaDenied
from libs.events.values import RedactedText, Value

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
    "file": {},
}
"""By type: the field that says which one it is, and the field with the text. No event carries a file."""
_TOLD_AGAIN: Mapping[str, tuple[str, ...]] = {
    DeviceAlertRaised.contract.name: ("text",),
    DeviceAlertCleared.contract.name: ("text",),
    DiagnosticsCollected.contract.name: ("summary", "results.detail"),
    OnsiteNotCovered.contract.name: ("explanation",),
    PartLost.contract.name: ("reason",),
    PartRefused.contract.name: ("reason",),
    PartnerInformationRequired.contract.name: ("needed",),
    PartnerTicketClosed.contract.name: ("reason",),
    PartnerTicketNotOpenable.contract.name: ("explanation",),
    PartnerTicketResolved.contract.name: ("resolution",),
    PartnerTicketUpdated.contract.name: ("text",),
    PartnerTicketWithdrawn.contract.name: ("reason",),
    RmaDenied.contract.name: ("explanation",),
    VisitCancelled.contract.name: ("reason",),
    VisitCompleted.contract.name: ("note",),
    VisitFailed.contract.name: ("explanation",),
    VisitMissed.contract.name: ("reason",),
}
"""What of a foreign fact a note of a case tells again."""


class Redaction(Value):
    """Which text was taken out, and what stands in its place."""

    what: RedactedText
    id: UUID
    source_id: UUID | None = None
    replacement: str | None = None

    @classmethod
    def of(cls, event: TextRedacted | InternalTextRedacted) -> Self:
        return cls.model_validate(event.model_dump(include=set(cls.model_fields)))

    @property
    def instead(self) -> str:
        """The replacement, or an empty text."""
        return self.replacement or ""

    def out_of(self, ce_type: str, event_id: UUID, data: Any) -> dict[str, Any] | None:
        """An event's data without the text, in whatever version; None where it is not in it."""
        if not isinstance(data, dict):
            return None
        left = data
        for path in self._places(ce_type.rpartition(".v")[0], event_id, data):
            left = _with(left, path.split("."), self.instead)
        return {**left, REDACTED: True} if left != data else None

    def _places(self, name: str, event_id: UUID, data: Mapping[str, Any]) -> tuple[str, ...]:
        if event_id == self.source_id:
            return _TOLD_AGAIN.get(name, ())
        which, text = _CARRIED[self.what].get(name, ("", ""))
        return (text,) if which and data.get(which) == str(self.id) else ()


def added(redactions: Iterable[Redaction], new: Redaction) -> list[Redaction]:
    """With the new one; of a text that was taken out before, the last word holds."""
    return [*(each for each in redactions if (each.what, each.id) != (new.what, new.id)), new]


def without(event: E, redactions: Iterable[Redaction]) -> E:
    """A fact of the case's own service as it is kept: without the texts that were taken out."""
    name, changes = event.contract.name, {}
    for each in redactions:
        which, text = _CARRIED[each.what].get(name, ("", ""))
        if which and getattr(event, which) == each.id:
            changes[text] = each.instead
    return event.model_copy(update=changes) if changes else event


def _with(node: Any, path: list[str], text: str) -> Any:
    if isinstance(node, list):
        return [_with(each, path, text) for each in node]
    if not isinstance(node, dict) or node.get(path[0]) is None:
        return node
    name, *further = path
    return {**node, name: _with(node[name], further, text) if further else text}
