"""An event as listeners get it, made once for all of them, and which of them it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pydantic_core

from libs.events import read_as
from libs.events.redaction import TAKES_OUT
from libs.kit.auth import Principal

_TAKES_OUT = frozenset(event.contract.ce_type for event in TAKES_OUT)


@dataclass(frozen=True, slots=True)
class Item:
    """An event at a place of the stream. `late`: seen before by those who see all, and only now known to be of this account."""

    place: int
    late: bool
    type: str
    case_id: str | None
    account_id: str | None
    public: bool
    frame: bytes

    @classmethod
    def of(cls, event: Mapping[str, Any], *, late: bool = False) -> Self:
        return cls(
            event["seq"],
            late,
            event["type"],
            event["case_id"],
            event["account_id"],
            event["visibility"] == "public",
            frame(event),
        )

    @property
    def takes_out(self) -> bool:
        """Whether it says that a text was taken out of what came before."""
        return self.type in _TAKES_OUT


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listener asked for, within what it may see. `accounts` None: all, and events of no account."""

    accounts: frozenset[str] | None
    public_only: bool
    types: tuple[str, ...]
    case_id: str | None

    @classmethod
    def of(cls, principal: Principal, *, types: tuple[str, ...], case_id: str | None, account_id: str | None) -> Self:
        asked = None if account_id is None else frozenset({account_id})
        types = tuple(map(read_as, types))  # events come in their newest version, whichever is asked for
        if principal.staff:
            return cls(asked, False, types, case_id)
        own = frozenset(map(str, principal.accounts))
        return cls(own if asked is None else own & asked, True, types, case_id)

    def admits(self, item: Item) -> bool:
        if self.accounts is None:
            if item.late:
                return False
        elif item.account_id not in self.accounts:
            return False
        if self.public_only and not item.public:
            return False
        if self.case_id is not None and item.case_id != self.case_id:
            return False
        return not self.types or item.type.startswith(self.types)


def frame(event: Mapping[str, Any]) -> bytes:
    """The event as CloudEvents' JSON in a frame of server-sent events; `id` is its place."""
    attributes = {
        "specversion": "1.0",
        "id": event["id"],
        "source": event["source"],
        "type": event["type"],
        "subject": event["subject"],
        "time": event["time"],
        "datacontenttype": "application/json",
        "accountid": event["account_id"],
        "aggregateversion": event["version"],
        "causationid": event["causation_id"],
        "actor": event["actor"],
        "traceparent": event["traceparent"],
    }
    cloud_event = {name: value for name, value in attributes.items() if value is not None} | {"data": event["data"]}
    name = " ".join(event["type"].split())  # a line break would end the field
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event["seq"], name.encode(), pydantic_core.to_json(cloud_event))


HEALTH = {
    "ok": "Events come as they happen.",
    "behind": "Events come late: what came before is still being worked off.",
    "degraded": "Some events are held back until somebody has looked at them; all others come.",
    "halted": "No new events come until an operator has looked. Nothing is lost.",
    "away": "No new events come at present. Nothing is lost.",
}


def health(status: str) -> bytes:
    """How what feeds the stream stands; without an id, since it is at no place of the stream."""
    data = pydantic_core.to_json({"status": status, "detail": HEALTH.get(status, status)})
    return b"event: health\ndata: %s\n\n" % data


def dropped(last: int, reason: str) -> bytes:
    """The last frame of a listener that is sent away: where to resume, and why."""
    data = pydantic_core.to_json({"last_event_id": str(last), "reason": reason})
    return b"id: %d\nevent: dropped\ndata: %s\n\n" % (last, data)
