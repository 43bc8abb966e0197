"""Which service owns which path, as deploy/services.toml says: all that the gateway knows of them."""

import tomllib
from pathlib import Path

from libs.kit.problems import Missing

GATEWAY, STREAM = "gateway", "stream"
_LIST = Path(__file__).parents[2] / "deploy" / "services.toml"
_RESOURCES: dict[str, list[str]] = {
    name: entry["resources"] for name, entry in tomllib.loads(_LIST.read_text(encoding="utf-8")).items()
}
SERVICES = tuple(name for name in _RESOURCES if name != GATEWAY)
PUBLIC = frozenset({"carrier-events", "partner-events"})
"""Resources whose callers are not ours and sign what they send."""

_OWNERS = {resource: service for service, resources in _RESOURCES.items() for resource in resources}
_OWNERS |= {f"{service}-policies": service for service in SERVICES}


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
