"""Every place of a route where a caller writes text: found in the types of its parameters and its body, not in a list."""

import itertools
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, SecretStr

Step = str | int
Path = tuple[Step, ...]


@dataclass(frozen=True)
class TextField:
    """One place that takes text: where it is, how it is reached, and its type with all that bounds it."""

    route: str
    place: str  # body, query, path or header
    path: Path
    type: Any

    @property
    def name(self) -> str:
        return f"{self.route} {self.place} {'/'.join(str(step) for step in self.path)}"

    @property
    def pointer(self) -> str:
        """As a refusal names it."""
        return "/" + "/".join(str(step) for step in self.path)


def body_with(value: str, texts: Iterable[TextField]) -> Any:
    """A body that has this value at all of these places, and nothing else."""
    body: Any = {}
    for text in texts:
        at = body
        for step, following in itertools.pairwise((*text.path, None)):
            last = following is None
            below: Any = value if last else [] if isinstance(following, int) else {}
            if isinstance(step, int):
                at[:] = at or [below]
            else:
                at.setdefault(step, below)
            at = at[step]
    return body


def texts_of(route: APIRoute) -> Iterator[TextField]:
    """All of a route's."""
    name = f"{min(route.methods or {'?'})} {route.path}"
    flat = route.dependant
    for dependant in _all(flat):
        for place in ("path", "query", "header"):
            for field in getattr(dependant, f"{place}_params"):
                hint = field.field_info.annotation
                model = isinstance(hint, type) and issubclass(hint, BaseModel)  # of a whole query
                for path, found in _texts(hint, field.field_info.metadata, () if model else (field.alias,)):
                    yield TextField(name, place, path, found)
    if route.body_field is not None:
        info = route.body_field.field_info
        for path, found in _texts(info.annotation, info.metadata, ()):
            yield TextField(name, "body", path, found)


def _all(dependant: Any) -> Iterator[Any]:
    yield dependant
    for each in dependant.dependencies:
        yield from _all(each)


def texts_in(model: type[BaseModel]) -> Iterator[tuple[Path, Any]]:
    """All of a model's, by their paths."""
    yield from _texts(model, (), ())


def _texts(hint: Any, bounds: Iterable[Any], path: Path) -> Iterator[tuple[Path, Any]]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        yield from _texts(arguments[0], (*arguments[1:], *bounds), path)
    elif origin in (typing.Union, types.UnionType):
        for each in arguments:
            yield from _texts(each, bounds if each in (str, SecretStr) else (), path)
    elif origin in (list, tuple, set, frozenset):
        for each in arguments[:1]:
            yield from _texts(each, (), (*path, 0))
    elif origin is dict:
        yield from _texts(arguments[1], (), (*path, "a"))
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, field in hint.model_fields.items():
            yield from _texts(field.annotation, field.metadata, (*path, field.alias or name))
    elif hint in (str, SecretStr):
        yield path, Annotated[(hint, *bounds)] if bounds else hint
