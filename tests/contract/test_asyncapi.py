"""The published catalogue is a sound AsyncAPI 3.0 document: whole, without dangling references, fit for a code generator."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from libs.events.asyncapi import asyncapi
from libs.events.catalogue import published, states

DOCUMENT = asyncapi()
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
EXTENSION: dict[str, Any] = {"^x-": {}}
REFERENCE = {
    "type": "object",
    "properties": {"$ref": {"type": "string"}},
    "required": ["$ref"],
    "additionalProperties": False,
}
KAFKA_TOPIC = {
    "type": "object",
    "properties": {
        "topic": {"type": "string"},
        "partitions": {"type": "integer", "minimum": 1},
        "topicConfiguration": {"type": "object"},
        "bindingVersion": {"const": "0.5.0"},
    },
    "additionalProperties": False,
}
# The parts of the AsyncAPI 3.0.0 schema that the document uses, as strict as the specification is.
ASYNCAPI_3 = {
    "type": "object",
    "required": ["asyncapi", "info"],
    "additionalProperties": False,
    "patternProperties": EXTENSION,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "id": {"type": "string"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "properties": {word: {"type": "string"} for word in ("title", "version", "description")},
            "additionalProperties": False,
        },
        "defaultContentType": {"type": "string"},
        "servers": {"type": "object"},
        "channels": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "address": {"type": ["string", "null"]},
                    "description": {"type": "string"},
                    "messages": {"type": "object", "additionalProperties": REFERENCE},
                    "parameters": {"propertyNames": {"pattern": r"^[A-Za-z0-9_\-]+$"}},
                    "bindings": {"type": "object", "properties": {"kafka": KAFKA_TOPIC}, "additionalProperties": False},
                },
                "additionalProperties": False,
            },
        },
        "operations": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "properties": {"action": {"enum": ["send", "receive"]}, "channel": REFERENCE},
                "additionalProperties": False,
            },
        },
        "components": {
            "type": "object",
            "additionalProperties": {"propertyNames": {"pattern": r"^[a-zA-Z0-9._-]+$"}},
            "properties": {
                "schemas": {"type": "object"},
                "messages": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            **{word: {"type": "string"} for word in ("name", "title", "summary", "contentType")},
                            "headers": {"type": "object", "properties": {"type": {"const": "object"}}},
                            "payload": REFERENCE,
                            "bindings": {
                                "type": "object",
                                "properties": {
                                    "kafka": {
                                        "properties": {"key": {"type": "object"}, "bindingVersion": {"const": "0.5.0"}},
                                        "additionalProperties": False,
                                    }
                                },
                            },
                            "tags": {"type": "array", "uniqueItems": True, "items": {"required": ["name"]}},
                        },
                        "patternProperties": EXTENSION,
                        "additionalProperties": False,
                    },
                },
            },
            "maxProperties": 2,
        },
    },
}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_document_is_asyncapi_3() -> None:
    Draft202012Validator.check_schema(ASYNCAPI_3)
    Draft202012Validator(ASYNCAPI_3).validate(DOCUMENT)


def test_every_reference_leads_somewhere_in_the_document() -> None:
    found = set(references(DOCUMENT))
    assert all(reference.startswith("#/") for reference in found)
    assert all(isinstance(resolve(reference), dict) for reference in found)


def test_every_schema_is_sound() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


@pytest.mark.promise("C2", "C6")
def test_every_topic_is_a_channel_with_all_that_is_said_on_it() -> None:
    said: dict[str, set[str]] = {}
    for ce_type, event in published().items():
        said.setdefault(event.contract.topic, set()).add(ce_type)
    for ce_type, state in states().items():
        said.setdefault(state.contract.topic, set()).add(ce_type)
    topics = {name: channel for name, channel in CHANNELS.items() if channel["address"] == name}
    assert {name: set(channel["messages"]) for name, channel in topics.items()} == said


@pytest.mark.promise("C6")
def test_an_integrator_s_topic_carries_the_public_events_and_no_others() -> None:
    public = {ce_type for ce_type, event in published().items() if event.contract.visibility == "public"}
    assert set(CHANNELS["integrators"]["messages"]) == public
    assert re.findall(r"{(\w+)}", CHANNELS["integrators"]["address"]) == list(CHANNELS["integrators"]["parameters"])


@pytest.mark.parametrize("ce_type", published())
def test_a_message_names_its_type_its_key_and_who_may_see_it(ce_type: str) -> None:
    message, contract = MESSAGES[ce_type], published()[ce_type].contract
    assert message["headers"]["properties"]["ce_type"] == {"const": ce_type}
    assert message["x-visibility"] == contract.visibility
    key = message["bindings"]["kafka"]["key"]["description"]
    always = key.split()[-1]
    assert always in resolve(message["payload"]["$ref"])["required"]
    assert contract.subject == always or "case_id" in key


def test_the_document_is_the_same_each_time() -> None:
    assert json.dumps(asyncapi()) == json.dumps(asyncapi())
