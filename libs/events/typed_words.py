"""Where words that somebody typed stand in what services keep: in fields of those names, of values within values."""

import re
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from libs.events.redaction import TYPED

Fields = dict[str, Any]
NAMES = {path.rpartition(".")[2] for paths in TYPED.values() for path in paths} | {"end_reason", "withdrawn_because"}
"""How fields are called in which such words stand, or a sentence with them."""


def said_at(at: datetime, node: Any) -> Iterator[str]:
    """What the values say that hold this instant."""
    if isinstance(node, (list, dict)):
        for each in node.values() if isinstance(node, dict) else node:
            yield from said_at(at, each)
    elif isinstance(node, BaseModel):
        if at in vars(node).values():
            yield from (text for _, text in _typed(vars(node)))
        yield from said_at(at, vars(node))


def emptied(at: datetime, fields: Fields, instead: str) -> Fields:
    """With this in the place of what the values say that hold this instant."""

    def change(value: Fields) -> Fields:
        return {name: instead for name, _ in _typed(value) if at in value.values()}

    changed: Fields = _changed(fields, change)
    return changed


def without(words: Collection[str], fields: Fields, instead: str) -> Fields:
    """With this in the place of these words, also within a sentence."""
    if not words:
        return fields
    # The longest first: one may be part of another. One of few letters may stand in any sentence.
    longest = sorted(words, key=len, reverse=True)
    found = (re.escape(word) if len(word) > 3 else rf"\A{re.escape(word)}\Z" for word in longest)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(found)})(?!\w)")

    def change(value: Fields) -> Fields:
        return {name: pattern.sub(lambda _: instead, text) for name, text in _typed(value)}

    changed: Fields = _changed(fields, change)
    return changed | change(fields)


def _changed(node: Any, change: Callable[[Fields], Fields]) -> Any:
    if isinstance(node, list):
        return [_changed(each, change) for each in node]
    if isinstance(node, dict):
        return {key: _changed(each, change) for key, each in node.items()}
    if isinstance(node, BaseModel):
        return node.model_copy(update=_changed(vars(node), change) | change(vars(node)))
    return node


def _typed(fields: Fields) -> Iterator[tuple[str, str]]:
    """A reason that has an explanation beside it is a code."""
    names = NAMES - {"reason"} if "explanation" in fields else NAMES
    return ((name, text) for name, text in fields.items() if name in names and isinstance(text, str))
