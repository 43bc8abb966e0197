"""An example of what a schema describes, made from the schema alone: every field filled, with words that the events' samples use too."""

import re
from collections.abc import Iterator
from typing import Any

from libs.events.samples import DAY, INSTANT, WORDS, sample_id

Schema = dict[str, Any]
_REFERENCE = "#/components/schemas/"
_BY_FORMAT = {
    "date-time": INSTANT,
    "date": DAY,
    "uri": "https://support.example/hooks",
    "email": "quan.tri@saomai.example",
}
_CANDIDATES = (
    "https://support.example/hooks",
    "quan.tri@saomai.example",
    "08:30",
    "VN",
    "USD",
    "Asia/Ho_Chi_Minh",
    "P1Y",
    "2026-03",
    "CASE-2026-000123",
    "spare-part",
    "a" * 64,
)


def example_of(name: str, schemas: Schema) -> Any:
    """One of the component of this name."""
    return _Maker(schemas).value(name, schemas[name], frozenset((name,)))


class _Maker:
    def __init__(self, schemas: Schema) -> None:
        self.schemas = schemas

    def value(self, name: str, node: Schema, within: frozenset[str]) -> Any:
        """`within`: the components that this one is part of; one that holds itself ends there."""
        if "$ref" in node:
            component = node["$ref"].removeprefix(_REFERENCE)
            return {} if component in within else self.value(name, self.schemas[component], within | {component})
        if told := node.get("examples"):
            return told[0]
        if "const" in node or "enum" in node:
            return node["const"] if "const" in node else node["enum"][0]
        for word in ("anyOf", "oneOf", "allOf"):
            if options := node.get(word):
                return self.value(name, next((each for each in options if each.get("type") != "null"), {}), within)
        match node.get("type"):
            case "object":
                properties = node.get("properties", {})
                return {each: self.value(each, below, within) for each, below in properties.items()}
            case "array":
                return [self.value(name, node.get("items", {}), within)] * max(1, node.get("minItems", 1))
            case "boolean":
                return node.get("default", True)
            case "integer" | "number":
                return _number(name, node)
            case "string":
                return next((each for each in _strings(name, node) if _fits(each, node)), node.get("default", ""))
        return {}


def _number(name: str, node: Schema) -> Any:
    least = node.get("minimum", node.get("exclusiveMinimum", 0) + 1)
    most = node.get("maximum", node.get("exclusiveMaximum", least + 1_000_000) - 1)
    word = WORDS.get(name, node.get("default", 1))
    return min(max(word if isinstance(word, int | float) else 1, least), most)


def _strings(name: str, node: Schema) -> Iterator[str]:
    """What the text may be, the likeliest first."""
    if node.get("format") == "uuid":
        yield str(sample_id(name))
    elif node.get("format") in _BY_FORMAT:
        yield _BY_FORMAT[node["format"]]
    if isinstance(word := WORDS.get(name), str):
        yield word
    words = name.replace("_", " ")
    yield words
    yield from _CANDIDATES
    yield (words * 20)[: node.get("maxLength", 40)]


def _fits(text: str, node: Schema) -> bool:
    """Whether its length and its pattern are as the schema asks."""
    long_enough = node.get("minLength", 0) <= len(text) <= node.get("maxLength", len(text))
    return long_enough and ("pattern" not in node or re.search(node["pattern"], text) is not None)
