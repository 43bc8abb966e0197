"""The schemas of a document as a generator of clients needs them: named and titled alike, with units and examples."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from services.gateway.documents.examples import example_of

Document = dict[str, Any]
SCHEMAS = "#/components/schemas/"
_WIDE = 2**31
_UNITS = {
    "seconds": "seconds",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "bytes": "bytes",
    "size": "bytes",
    "percent": "percent",
    "minor": "the currency's smallest unit",
}
"""By the last word of a field's name."""


def tidied(document: Document) -> Document:
    """A service's document, changed in place: what FastAPI calls `Window-Input` is called `WindowInput`, `Window-Output` just `Window`,
    and `Page_CaseOut_` by its title. `NewStep` beside a `Step` becomes `StepInput`: in Go it is the function that makes a step.
    What nothing here sends is left out."""
    schemas = document.get("components", {}).get("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    names = {name: _plain(name, schema, schemas) for name, schema in schemas.items()}
    return renamed(document, {name: new for name, new in names.items() if name != new})


def renamed(document: Document, names: Mapping[str, str]) -> Document:
    """The document with other names for some of its schemas."""
    if not names:
        return document
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {names.get(name, name): schema for name, schema in schemas.items()}
    return _replaced(document, {SCHEMAS + old: SCHEMAS + new for old, new in names.items()})  # type: ignore[no-any-return]


def finish(schemas: Document, paths: Document) -> None:
    """Titles that equal names, units, widths, defaults that every language can have, and an example of whatever is sent or answered whole."""
    _say_width([schemas, paths])
    for name, schema in schemas.items():
        schema["title"] = name
        for field, node in schema.get("properties", {}).items():
            node.pop("title", None)
            _say_unit(field, node)
            _say_default(node)
    for name in sorted(set(references(paths))):
        if schemas[name].get("type") == "object":
            schemas[name].setdefault("examples", [example_of(name, schemas)])


def references(node: Any) -> Iterator[str]:
    """The names of the schemas that this is made of."""
    match node:
        case dict():
            for each in node.values():
                yield from references(each)
        case list():
            for each in node:
                yield from references(each)
        case str() if node.startswith(SCHEMAS):
            yield node.removeprefix(SCHEMAS)


def _plain(name: str, schema: Document, schemas: Document) -> str:
    if name.startswith("New") and name.removeprefix("New") in schemas:
        name = f"{name.removeprefix('New')}Input"
    if "_" in name and schema.get("title", "").isidentifier():
        return str(schema["title"])
    return name.removesuffix("-Output").replace("-", "").replace("_", "")


def _say_unit(field: str, node: Document) -> None:
    unit = _UNITS.get(field.rpartition("_")[2])
    kinds = {node.get("type"), *(each.get("type") for each in node.get("anyOf", ()))}
    if unit and kinds & {"integer", "number"}:
        node["x-unit"] = unit
        node.setdefault("description", f"In {unit}.")


def _say_width(node: Any) -> None:
    """An amount in dong or a place in the stream is soon more than 32 bits hold, which is what generators take for an integer."""
    match node:
        case dict():
            if node.get("type") == "integer" and node.get("maximum", _WIDE) >= _WIDE:
                node.setdefault("format", "int64")
            for each in node.values():
                _say_width(each)
        case list():
            for each in node:
                _say_width(each)


def _say_default(node: Document) -> None:
    """In words, where it is made of objects: generators of clients write such a default down as code that does not compile."""
    default = node.get("default")
    if default and any(isinstance(each, dict) for each in (default, *(default if isinstance(default, list) else ()))):
        said = f"Without it: `{json.dumps(node.pop('default'))}`."
        node["description"] = f"{node['description']} {said}" if "description" in node else said


def _replaced(node: Any, words: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {name: _replaced(each, words) for name, each in node.items()}
        case list():
            return [_replaced(each, words) for each in node]
        case str():
            return words.get(node, node)
    return node
