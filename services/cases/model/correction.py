"""What a case said when it was opened, and what proved wrong, is put right."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.events.cases import CaseNames, Corrected
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import Correction

DECIDED_BY: frozenset[Corrected] = frozenset({"unit", "site", "contact"})
"""A correction of these is answered by entitlements with a decision of its own."""
_FIELDS: Mapping[Corrected, tuple[str, ...]] = {
    "unit": ("product_number", "serial"),
    "site": ("site_id",),
    "contact": ("contact_id",),
    "language": ("language",),
    "description": ("description",),
    "parent": ("parent_id",),
    "duplicates": ("duplicate_of",),
}


def correct(
    case: Case, right: Mapping[str, Any], *, id: UUID, reason: str, actor: Actor, at: datetime
) -> Correction | None:
    """Takes over what is given by field and is other than it was, and keeps who said so and why. None where nothing is."""
    what = [
        each for each, fields in _FIELDS.items() if any(right.get(f, _old(case, f)) != _old(case, f) for f in fields)
    ]
    if not what:
        return None
    changed = [name for each in what for name in _FIELDS[each]]
    old = {name: _old(case, name) for name in changed}
    new = {name: right.get(name, old[name]) for name in changed}
    case.coverage.unknown = [each for each in case.coverage.unknown if each not in what]
    for name, value in new.items():
        setattr(case, name, value)
    if "unit" in what:
        # Its family is told with the decision.
        case.no_product_reason = case.family = None
    if "description" in what:
        case.description_redacted = None
    correction = Correction(
        id=id,
        what=what,
        old=CaseNames(**old),
        new=CaseNames(**new),
        description=old.get("description"),
        at=at,
        by=actor.by,
        reason=reason,
    )
    case.corrections = [*case.corrections, correction]
    return correction


def _old(case: Case, name: str) -> Any:
    return getattr(case, name)


def decided_anew(case: Case) -> int:
    """How many corrections of this case a decision has to answer."""
    return sum(1 for each in case.corrections if DECIDED_BY & {*each.what})
