"""The documents that others build on: what is called how, that tools read them without a word, and that they say all there is."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploy.services import SERVICES
from libs.kit.auth import ROLES
from services.gateway.documents.components import references
from services.gateway.documents.problem_types import TYPES
from tests.support.documents import Document, document_of, operations, whole_document
from tests.support.validating import Validator

OPERATIONS = [(name, *each) for name in SERVICES for each in operations(document_of(name))]


def test_operations_are_called_by_what_is_done_and_no_two_alike() -> None:
    ids = [operation["operationId"] for _, _, _, operation in OPERATIONS]
    assert [id for id, times in Counter(ids).items() if times > 1] == []
    assert [id for id in ids if "route" in id or not id.isidentifier()] == []
    assert {operation["operationId"] for _, _, operation in operations(whole_document())} >= set(ids)


def test_a_summary_says_the_same_in_words() -> None:
    for _, _, _, operation in OPERATIONS:
        assert operation["summary"].lower() == operation["operationId"].replace("_", " ")


def test_every_operation_says_which_roles_it_is_for() -> None:
    for _, _, path, operation in OPERATIONS:
        signed = path in ("/v1/carrier-events", "/v1/partner-events")
        assert signed or set(operation["x-roles"]) <= ROLES
        assert signed == ("x-roles" not in operation)


def every_document() -> dict[str, Document]:
    return {"all of them": whole_document()} | {name: document_of(name) for name in SERVICES}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(each)


def wrong(value: Any, schema: dict[str, Any], document: Document) -> list[str]:
    """What the schema says against the value."""
    whole = {**schema, "components": document["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize("name", every_document())
def test_a_validator_of_documents_is_silent(name: str) -> None:
    assert list(Validator(every_document()[name]).iter_errors()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "strin"},
        {"type": "string", "pattern": "("},
        {"properties": {"a": {"anyOf": [{"minimum": "1"}]}}},
        {"type": "integer", "default": "one"},
        {"type": "object", "discriminator": 3},
        {"allOf": [{"type": "object"}], "required": ["a"]},
    ],
    ids=str,
)
def test_a_validator_of_documents_finds_what_is_wrong(wrong: dict[str, Any]) -> None:
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    for validator in (Validator, OpenAPIV31SpecValidator):
        assert list(validator({**document, "components": {"schemas": {"Wrong": wrong}}}).iter_errors()) != []


def test_a_schema_has_one_name_that_every_language_can_have() -> None:
    schemas = whole_document()["components"]["schemas"]
    assert {name for name, schema in schemas.items() if schema["title"] != name} == set()
    assert {name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)} == set()
    assert [name for name, times in Counter(name.lower() for name in schemas).items() if times > 1] == []
    assert schemas.keys() & {"Override", "Class", "Object", "String", "Error", "Exception", "Enum"} == set()
    # In Go a function of this name makes what has the name's rest.
    assert {
        name for name in schemas for made in ("New", "Nullable") if name.removeprefix(made) in schemas.keys() - {name}
    } == set()


@pytest.mark.parametrize("name", every_document())
def test_a_default_is_what_its_schema_allows(name: str) -> None:
    document = every_document()[name]
    found = [node for node in nodes(document["paths"]) if "default" in node and "properties" not in node]
    found += [
        node for schema in document["components"]["schemas"].values() for node in nodes(schema) if "default" in node
    ]
    assert [(node, said) for node in found if (said := wrong(node["default"], node, document))] == []


def test_what_a_generator_would_name_or_write_down_wrongly_is_not_left_to_it() -> None:
    document = whole_document()
    objects = [node for node in nodes(document) if node.get("type") == "object" and "properties" in node]
    forms = [form["schema"] for node in nodes(document) if (form := node.get("multipart/form-data"))]
    assert [node for node in objects if "title" not in node and node not in forms] == []
    written = [each for node in nodes(document) for each in (node.get("default"), *_items(node.get("default")))]
    assert [each for each in written if each and isinstance(each, dict)] == []
    integers = [node for node in nodes(document) if node.get("type") == "integer"]
    assert [node for node in integers if "format" not in node and node.get("maximum", 2**31) >= 2**31] == []


def test_no_parameter_is_a_header_that_is_said_elsewhere() -> None:
    named = [
        each for node in nodes(whole_document()) if isinstance(found := node.get("parameters"), list) for each in found
    ]
    headers = {each["name"].lower() for each in named if each.get("in") == "header"}
    assert headers & {"accept", "authorization", "content-type"} == set()


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def test_whatever_is_sent_or_answered_has_an_example_that_its_schema_allows() -> None:
    document = whole_document()
    schemas = document["components"]["schemas"]
    sent = {each.rpartition("/")[2] for each in references(document["paths"])}
    assert {name for name in sent if schemas[name]["type"] == "object" and not schemas[name].get("examples")} == set()
    refused = {
        name: said
        for name, schema in schemas.items()
        for example in schema.get("examples", ())
        if (said := wrong(example, schema, document))
    }
    assert refused == {}


def test_a_number_says_what_it_counts() -> None:
    for name, schema in whole_document()["components"]["schemas"].items():
        for field, node in schema.get("properties", {}).items():
            kinds = {each.get("type") for each in (node, *node.get("anyOf", ()))}
            if kinds & {"integer", "number"} and field.endswith(("seconds", "minutes", "days", "bytes", "percent")):
                assert node["x-unit"], f"{name}.{field}"


def test_the_two_webhooks_are_signed_and_have_a_body() -> None:
    document = whole_document()
    for path in ("/v1/carrier-events", "/v1/partner-events"):
        operation = document["paths"][path]["post"]
        assert operation["security"] == [{"webhookSignature": []}]
        assert document["components"]["securitySchemes"]["webhookSignature"]["name"] == "webhook-signature"
        assert operation["requestBody"]["content"]["application/json"]["schema"]
        names = {parameter.get("name") for parameter in operation["parameters"]}
        assert names == {"webhook-id", "webhook-timestamp", "webhook-signature"}


def test_what_is_made_says_where_it_is_and_what_changes_asks_for_its_etag() -> None:
    document = whole_document()
    for verb, path, operation in operations(document):
        named = [each.get("$ref", "").rpartition("/")[2] for each in operation.get("parameters", ())]
        if "201" in operation["responses"]:
            assert {"Location", "ETag"} <= operation["responses"]["201"]["headers"].keys()
        if "security" not in operation:
            assert ("IdempotencyKey" in named) == (verb == "post"), path
            assert ("IfMatch" in named) == (verb in ("patch", "put")), path
    problem = document["components"]["schemas"]["Problem"]["properties"]["type"]
    assert problem["x-problem-types"] == [each.type for each in TYPES.values()]


def test_verbs_are_of_one_family() -> None:
    for _, verb, _path, operation in OPERATIONS:
        first = operation["operationId"].partition("_")[0]
        pages = "Page" in str(operation["responses"].get("200"))
        match verb:
            case "patch":
                assert first == "change", operation["operationId"]
            case "get":
                assert first in {"list", "search"} if pages else first in {"get", "list", "download"}, operation[
                    "operationId"
                ]
