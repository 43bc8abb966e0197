"""What TMF621 v5.0.1 (TM Forum Trouble Ticket Management) defines of what we use: the simulator takes this, and nothing else."""

import re
from collections.abc import Mapping
from typing import Any

ROOT = "/tmf-api/troubleTicket/v5"
_EVERY = frozenset({"@type", "@baseType", "@schemaLocation"})
_TICKET = _EVERY | {
    "attachment", "channel", "description", "expectedResolutionDate", "externalIdentifier", "href", "id", "name", "note", "priority",
    "relatedEntity", "relatedParty", "requestedResolutionDate", "resolutionDate", "severity", "status", "statusChangeReason",
    "ticketType", "troubleTicketCharacteristic", "troubleTicketRelationship", "troubleTicketSpecification",
}  # fmt: skip
SHOWN = _TICKET | {"creationDate", "lastUpdate", "statusChangeDate", "statusChangeHistory"}
CREATED = _TICKET | {"statusChangeDate"}  # TroubleTicket_FVO
CREATED_NEEDS = frozenset({"@type", "description", "severity", "ticketType"})
PATCHED = _TICKET | {"statusChangeHistory"}  # TroubleTicket_MVO
PATCHED_NEEDS = frozenset({"@type"})
STATUSES = frozenset({"acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved"})
PARTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {  # what each may have, and what it needs
    "note": (_EVERY | {"id", "author", "date", "text"}, frozenset({"@type"})),
    "externalIdentifier": (_EVERY | {"id", "owner", "externalIdentifierType"}, frozenset({"@type", "id"})),
}
LISTED = frozenset({"fields", "offset", "limit", "before", "after", "sort", "filter"})
MERGE, JSON_PATCH = ("application/json", "application/merge-patch+json"), "application/json-patch+json"
OPERATIONS: tuple[tuple[str, re.Pattern[str], frozenset[str], tuple[str, ...]], ...] = tuple(
    (method, re.compile(path), query, types)
    for method, path, query, types in (
        ("GET", "/troubleTicket", LISTED, ()),
        ("POST", "/troubleTicket", frozenset({"fields"}), ("application/json",)),
        ("GET", "/troubleTicket/[^/]+", frozenset({"fields"}), ()),
        (
            "PATCH",
            "/troubleTicket/[^/]+",
            frozenset({"fields"}),
            (*MERGE, JSON_PATCH, "application/json-patch-query+json"),
        ),
        ("DELETE", "/troubleTicket/[^/]+", frozenset(), ()),
    )
)


def refusal(method: str, path: str, query: frozenset[str], media_type: str) -> tuple[int, str] | None:
    """The status and the reason for a request that the standard does not define; None for one that it does."""
    known = [each for each in OPERATIONS if each[1].fullmatch(path.removeprefix(ROOT))]
    if not path.startswith(ROOT) or not known:
        return 404, f"TMF621 has no {path}"
    matching = [each for each in known if each[0] == method]
    if not matching:
        return 405, f"TMF621 has no {method} {path}"
    _, _, allowed, types = matching[0]
    if unknown := query - allowed:
        return 400, f"no such parameter: {', '.join(sorted(unknown))}"
    if types and media_type not in types:
        return 400, f"not a media type of this operation: {media_type or 'none'}"
    return None


def misfit(body: Any, *, may: frozenset[str], needs: frozenset[str]) -> str | None:
    """What is wrong with a ticket that is created or merged, by the fields of the standard."""
    if not isinstance(body, dict):
        return "the body is not an object"
    wrong = [f"no such field: {name}" for name in sorted(body.keys() - may)]
    wrong += [f"missing: {name}" for name in sorted(needs - body.keys())]
    if body.get("status") not in (None, *STATUSES):
        wrong.append(f"no such status: {body['status']}")
    for part, (has, wants) in PARTS.items():
        for each in body.get(part) or ():
            if not isinstance(each, dict) or each.keys() - has or wants - each.keys():
                wrong.append(f"{part} is not one of the standard's")
    return "; ".join(wrong) or None
