"""What a cloud partner reads of a case: sides in the place of people's names, ours and the customer's."""

from typing import Any

from libs.events.values import NoteOrigin
from libs.kit.auth import Principal
from services.cases.model.case import Case
from services.cases.model.note import Note

_CALLED: dict[NoteOrigin, str] = {
    "customer": "customer",
    "support": "Poly+ support",
    "technician": "Poly+ support",
}


def names_in_case(case: Case, caller: Principal) -> dict[str, Any]:
    """The fields of a case that name somebody, as this caller reads them; whoever opened it itself reads its own name."""
    if caller.role != "partner":
        return {}
    requests = [each.model_copy(update={"consent_given_by": None}) for each in case.partner_requests]
    reporter = case.reporter_name if case.opened_by == caller.actor else _CALLED["customer"]
    return {"reporter_name": reporter, "assignee": None, "partner_requests": requests}


def names_in_note(note: Note, caller: Principal) -> dict[str, Any]:
    """The same of a note."""
    return {"author_name": _CALLED[note.origin]} if caller.role == "partner" and note.origin in _CALLED else {}
