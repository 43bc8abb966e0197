"""What a change to a contract breaks. Recorded data must still decode, and a reader must still find every field it knows.

Additive changes pass: a new optional field, a new value of an enumeration, a wider type. Readers allow for these.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME_OR_GONE = ("format", "pattern", "multipleOf", "uniqueItems", "prefixItems", "contentEncoding")
_FIXED = ("topic", "key", "subject", "visibility")


def breaks(recorded: Schema, current: Schema) -> list[str]:
    """Why data or readers of the recorded schema would fail under the current one; empty if none would."""
    old, new = recorded["x-contract"], current["x-contract"]
    facts = [f"the {fact} changes from {old[fact]} to {new[fact]}" for fact in _FIXED if old.get(fact) != new.get(fact)]
    return facts + list(_Comparison(recorded, current).objects(recorded, current, ""))


class _Comparison:
    def __init__(self, recorded: Schema, current: Schema) -> None:
        self.old_definitions: Schema = recorded.get("$defs", {})
        self.new_definitions: Schema = current.get("$defs", {})

    def objects(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for field in before:
            if field not in after:
                yield f"{path}{field} was removed or renamed"
        was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
        for field in after:
            if field in is_required - was_required:
                yield f"{path}{field} is required and was " + ("optional" if field in before else "not there")
            if field in before:
                yield from self.values(before[field], after[field], f"{path}{field}")

    def values(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        """Everything that was allowed has to be allowed still, alternative by alternative."""
        was, now = _alternatives(old, self.old_definitions), _alternatives(new, self.new_definitions)
        for before in was:
            failures = [list(self.alternative(before, after, path)) for after in now]
            if all(failures):
                alike = [
                    why for after, why in zip(now, failures, strict=True) if after.get("type") == before.get("type")
                ]
                lost = f"{path} no longer allows {_name(before)}" if len(was) + len(now) > 2 else failures[0][0]
                yield from min(alike, key=len, default=[lost])

    def alternative(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        if "type" in new and old.get("type") != new["type"] and (old.get("type"), new["type"]) != ("integer", "number"):
            yield f"{path} was {_name(old)} and is {_name(new)}"
            return
        allowed, was_allowed = _enumerated(new), _enumerated(old)
        if allowed is not None:
            gone = ["any other value"] if was_allowed is None else [repr(v) for v in was_allowed if v not in allowed]
            if gone:
                yield f"{path} no longer allows {', '.join(gone)}"
        yield from _tightened(old, new, path)
        if "properties" in old or "properties" in new:
            yield from self.objects(old, new, f"{path}.")
        for nested in ("items", "additionalProperties"):
            if isinstance(new.get(nested), dict):
                yield from self.values(_schema(old.get(nested)), new[nested], f"{path}[]")
            elif new.get(nested) is False and old.get(nested) is not False:
                yield f"{path} no longer takes further {nested}"


def _schema(node: Any) -> Schema:
    return node if isinstance(node, dict) else {}


def _alternatives(node: Schema, definitions: Schema) -> list[Schema]:
    if "$ref" in node:
        return _alternatives(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    for union in ("anyOf", "oneOf"):
        if union in node:
            return [found for one in node[union] for found in _alternatives(one, definitions)]
    return [node]


def _enumerated(node: Schema) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    values: list[Any] | None = node.get("enum")
    return values


def _tightened(old: Schema, new: Schema, path: str) -> Iterator[str]:
    for word in (*_FLOORS, *_CEILINGS):
        sign = 1 if word in _FLOORS else -1
        if word in new and (word not in old or sign * new[word] > sign * old[word]):
            yield f"{path} is narrower: {word} {new[word]}"
    for word in _SAME_OR_GONE:
        if word in new and old.get(word) != new[word]:
            yield f"{path} is narrower: {word} {new[word]}"


def _name(node: Schema) -> str:
    values = _enumerated(node)
    if values is not None:
        return f"one of {', '.join(map(repr, values))}"
    return str(node.get("format") or node.get("title") or node.get("type") or "anything")
