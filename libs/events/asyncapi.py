"""The catalogue as AsyncAPI 3.0: one channel per topic, every message with its CloudEvents headers in Kafka's binary mode."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from libs.events.base import Event
from libs.events.catalogue import published, states
from libs.events.schemas import COMMENT, Schema, key_of, schema_of, schema_of_state
from libs.events.state import State

PARTITIONS = 12
BINDING = "0.5.0"
_FOR_EVER = 2**63 - 1
_HEADERS: Schema = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {"type": "string", "format": "uuid", "description": "UUIDv7; the same event always has the same id, so a repeat is known by it"},
    "ce_source": {"type": "string", "format": "uri-reference", "description": "the service, as /polyplus/<service>"},
    "ce_type": {"type": "string", "description": "polyplus.<service>.<fact>.v<version>"},
    "ce_subject": {"type": "string", "format": "uuid", "description": "id of the aggregate that the fact is about"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_accountid": {"type": "string", "format": "uuid", "description": "the account that the fact belongs to; absent where it belongs to none"},
    "ce_aggregateversion": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "counts the aggregate's events without a gap"},
    "ce_causationid": {"type": "string", "format": "uuid", "description": "id of the event or command that led to this one"},
    "ce_actor": {"type": "string", "description": "who did it"},
    "ce_traceparent": {"type": "string", "description": "W3C trace context"},
    "content-type": {"type": "string", "const": "application/json"},
}  # fmt: skip
_REQUIRED_HEADERS = [
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "ce_aggregateversion",
    "ce_actor",
    "content-type",
]


def asyncapi() -> dict[str, Any]:
    """The whole document; a caller that knows its brokers adds `servers`."""
    events = published().values()
    messages = {event.contract.ce_type: _message(event) for event in events}
    schemas: Schema = {"CloudEventHeaders": {"type": "object", "properties": _HEADERS, "required": _REQUIRED_HEADERS}}
    for event in events:
        _add(schemas, event.contract.ce_type, schema_of(event))
    topics: dict[str, list[type[Event]]] = {}
    for event in events:
        topics.setdefault(event.contract.topic, []).append(event)
    channels = {topic: _channel(topic, facts) for topic, facts in topics.items()}

    state_topics: dict[str, list[type[State]]] = {}
    for ce_type, state in states().items():
        _add(schemas, ce_type, schema_of_state(state))
        messages[ce_type] = _state_message(state)
        state_topics.setdefault(state.contract.topic, []).append(state)
    channels |= {topic: _state_channel(topic, records) for topic, records in state_topics.items()}
    channels["integrators"] = _integrators_channel([event for event in events if event.contract.visibility == "public"])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Poly+ events",
            "version": "1.0.0",
            "description": "Facts about Poly+ support: each is published once or more often with the same ce_id, in order for a key. "
            "Data only ever gains optional fields and enumeration values; anything else is a new version of the type. "
            "Messages with x-visibility internal are for the operator's own systems alone.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"publish.{channel}": {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}
            for channel in channels
        },
        "components": {"messages": messages, "schemas": schemas},
        "x-generated": COMMENT,
    }


def _message(event: type[Event]) -> Schema:
    contract = event.contract
    return {
        **_record(contract.ce_type, event, key_of(event)),
        "tags": [{"name": promise} for promise in contract.promises],
        "x-visibility": contract.visibility,
        "x-subject": contract.subject,
    }


def _state_message(state: type[State]) -> Schema:
    return {**_record(state.contract.ce_type, state, state.contract.key), "x-visibility": "internal"}


def _record(ce_type: str, model: type[BaseModel], key: str) -> Schema:
    """What every record has: its own type and source among the headers, a UUID as key, data by the schema of the type's name."""
    fixed = {"ce_type": {"const": ce_type}, "ce_source": {"const": f"/polyplus/{ce_type.split('.')[1]}"}}
    return {
        "name": ce_type,
        "title": model.__name__,
        "summary": " ".join((model.__doc__ or "").split()),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/CloudEventHeaders"}],
            "properties": fixed,
        },
        "payload": {"$ref": f"#/components/schemas/{ce_type}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "format": "uuid", "description": key}, "bindingVersion": BINDING}
        },
    }


def _channel(topic: str, events: list[type[Event]]) -> Schema:
    service = topic.partition(".")[0]
    return {
        "address": topic,
        "description": f"Everything that {service} says, kept for good.",
        "messages": _references(events),
        "bindings": _topic(topic, {"cleanup.policy": ["delete"], "retention.ms": -1}),
    }


def _state_channel(topic: str, records: list[type[State]]) -> Schema:
    return {
        "address": topic,
        "description": "The latest record of every key; read it with isolation.level=read_committed.",
        "messages": _references(records),
        "bindings": _topic(topic, {"cleanup.policy": ["compact"], "delete.retention.ms": _FOR_EVER}, partitions=1),
    }


def _integrators_channel(events: list[type[Event]]) -> Schema:
    return {
        "address": "integrators.{client}",
        "description": "The public events of the accounts that this client may see, and no others.",
        "parameters": {"client": {"description": "the integrator's client id"}},
        "messages": _references(events),
    }


def _references(events: Sequence[type[Event | State]]) -> Schema:
    return {e.contract.ce_type: {"$ref": f"#/components/messages/{e.contract.ce_type}"} for e in events}


def _topic(topic: str, configuration: Schema, *, partitions: int = PARTITIONS) -> Schema:
    kafka = {"topic": topic, "partitions": partitions, "topicConfiguration": configuration, "bindingVersion": BINDING}
    return {"kafka": kafka}


def _add(schemas: Schema, name: str, schema: Schema) -> None:
    """Values shared by several events stand once; two that share a name and differ would make the document lie."""
    parts = {**schema.get("$defs", {}), name: {k: v for k, v in schema.items() if k[0] not in "$x"}}
    for part, content in parts.items():
        moved = _moved(content)
        if schemas.setdefault(part, moved) != moved:
            raise TypeError(f"two different values are called {part}")


def _moved(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            k: v.replace("#/$defs/", "#/components/schemas/") if k == "$ref" and isinstance(v, str) else _moved(v)
            for k, v in node.items()
        }
    return [_moved(item) for item in node] if isinstance(node, list) else node
