"""Each contract as JSON Schema 2020-12: what is recorded in docs/contracts/schemas and read by people without Python."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from libs.events.base import Event
from libs.events.catalogue import published, states
from libs.events.state import State

Schema = dict[str, Any]
COMMENT = "Generated from libs/events by `python -m libs.events record`; change the contract there, never here."


class _WithoutFieldTitles(GenerateJsonSchema):
    """A title that only repeats the field's name is noise in ninety files."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # the generator's signature
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        """An absent value and a null one say the same here, so a null default says nothing."""
        generated = super().default_schema(schema)
        if "default" in generated and generated["default"] is None:
            del generated["default"]
        return generated


def key_of(event: type[Event]) -> str:
    """The field that keys the record, in words where it depends on the event."""
    case, subject = event.model_fields.get("case_id"), event.contract.subject
    if case is None:
        return subject
    return "case_id" if case.is_required() else f"case_id, or where there is none {subject}"


def schema_of(event: type[Event]) -> Schema:
    """The data of one event, with what else its contract says under `x-contract`."""
    contract = event.contract
    return _document(
        contract.ce_type,
        {
            "topic": contract.topic,
            "key": key_of(event),
            "subject": contract.subject,
            "visibility": contract.visibility,
            "promises": list(contract.promises),
        },
        event,
    )


def schema_of_state(state: type[State]) -> Schema:
    """The record of a compacted topic. Such topics are for the operator's own systems."""
    contract = state.contract
    return _document(contract.ce_type, {"topic": contract.topic, "key": contract.key, "visibility": "internal"}, state)


def recorded_schemas() -> dict[str, Schema]:
    """Everything that is recorded, by type."""
    events = {ce_type: schema_of(event) for ce_type, event in published().items()}
    return events | {ce_type: schema_of_state(state) for ce_type, state in states().items()}


def _document(name: str, contract: Schema, model: type[BaseModel]) -> Schema:
    body = model.model_json_schema(schema_generator=_WithoutFieldTitles)
    words = ("title", "description", "type", "properties", "required", "$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('.', ':')}",
        "$comment": COMMENT,
        "x-contract": {"type": name, **contract},
        **{word: body[word] for word in words if word in body},
    }
