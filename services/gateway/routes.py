"""Which service owns which path: all that the gateway knows of them."""

from libs.kit.problems import Missing

_RESOURCES = {
    "entitlements": "accounts sites contacts contracts products registrations coverage onsite-rules licences offers resellers",
    "cases": "cases problems queues",
    "rma": "rmas parts depots stock promises calendars lanes carrier-events",
    "escalation": "policies clocks escalations teams rotas experts escalation-dry-runs",
    "ecps": "partners partner-agreements partner-engagements joint-calls partner-events",
    "onsite": "work-orders appointments technicians places day-plans",
    "activity": "events",
}
GATEWAY = "gateway"
STREAM = "stream"
SERVICES = tuple(_RESOURCES)
PUBLIC = frozenset({"carrier-events", "partner-events"})
"""Resources whose callers are not ours and sign what they send."""

_OWNERS = {resource: service for service, resources in _RESOURCES.items() for resource in resources.split()}
_OWNERS |= {f"{service}-policies": service for service in SERVICES}
_OWNERS["clients"] = GATEWAY


class NoSuchPath(Missing):
    """No service owns it."""


def resource(path: str) -> str:
    """`/v1/cases/7/notes` → `cases`. Raises NoSuchPath for a path that is not a clean one under /v1."""
    empty, version, *segments = path.split("/")
    if empty or version != "v1" or not segments or not {"", ".", ".."}.isdisjoint(segments):
        raise NoSuchPath("There is no such path; /openapi.json lists those there are.")
    return segments[0]


def owner(path: str) -> str:
    """The service that answers this path, GATEWAY, or STREAM. Raises NoSuchPath."""
    name = resource(path)
    match path.split("/")[2:]:
        case ["events", "stream"]:
            return STREAM
        case ["cases", _, "timeline"]:
            return "activity"
    if name not in _OWNERS:
        raise NoSuchPath("There is no such path; /openapi.json lists those there are.")
    return _OWNERS[name]
