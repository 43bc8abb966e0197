"""What an event is: a named, versioned, immutable fact with a visibility, and how an old one is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

import pydantic_core
from pydantic import BaseModel, ConfigDict

Visibility = Literal["public", "internal"]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

_classes: dict[str, type["Event"]] = {}
_upcasters: dict[str, tuple[Upcaster, str]] = {}
_kinds: dict[str, str] = {}
_kinds_of_types: dict[str, str] = {}
_PROMISES = re.compile(r"\(([SC]\d+(?:, [SC]\d+)*)\)\.\s*$")
UNKNOWN_KIND = "?"
"""How the kind of a type without a contract begins."""


class UnknownEvent(LookupError):
    """A `ce_type` that no contract here describes: newer than this code, or not ours."""


@dataclass(frozen=True)
class Contract:
    """What stands about an event type beside its fields."""

    name: str  # polyplus.rma.part-shipped
    version: int
    visibility: Visibility
    subject: str  # the field that holds the aggregate's id
    promises: tuple[str, ...]  # as the docstring names them
    ce_type: str  # polyplus.rma.part-shipped.v1
    topic: str  # rma.events


class Event(BaseModel):
    """A fact that a service publishes. Subclass with its contract:

    `class PartShipped(Event, type="polyplus.rma.part-shipped", visibility="public", subject="rma_id"):`

    Its docstring says the fact and ends with the promises that it serves, in brackets: `… left the depot (S2, S3).`
    `visibility`: a public event is also for the users and integrators of the account that it belongs to; an internal one is for
    staff and the operator's own systems alone. `subject` names the field that holds the id of the aggregate the fact is about; the record's
    key is `case_id` where the event has one, else the subject. `version` is said from the second on.
    Unknown fields are ignored, so that a field can be added in place.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    contract: ClassVar[Contract]

    def __init_subclass__(cls, **contract: Any) -> None:
        """Lets the contract's keywords through to `__pydantic_init_subclass__`, which runs once the fields are known."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(  # type: ignore[override]  # a contract without its keywords must not pass
        cls,
        *,
        type: str,  # the word that CloudEvents uses
        version: int = 1,
        visibility: Visibility,
        subject: str = "case_id",
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if subject not in cls.model_fields:
            raise TypeError(f"{cls.__name__}: the subject {subject!r} is not one of its fields")
        ce_type, topic = f"{type}.v{version}", f"{type.split('.')[1]}.events"
        if ce_type in _classes:
            raise TypeError(f"{ce_type} is defined twice")
        kind = f"{type.split('.')[1]}.{subject}"
        if _kinds.setdefault(type, kind) != kind:
            raise TypeError(f"{ce_type} is about {kind}, another version of it about {_kinds[type]}")
        cls.contract = Contract(type, version, visibility, subject, _promises(cls.__doc__), ce_type, topic)
        _classes[ce_type] = cls

    @property
    def subject(self) -> UUID:
        """Id of the aggregate this fact is about."""
        value: UUID = self.__dict__[self.contract.subject]
        return value

    @property
    def key(self) -> UUID:
        """The record's key: it never changes for the life of an aggregate."""
        # Pydantic's own way to say "no such field" costs ten times this.
        return self.__dict__.get("case_id") or self.subject


def _promises(docstring: str | None) -> tuple[str, ...]:
    found = _PROMISES.search(docstring or "")
    return tuple(found[1].split(", ")) if found else ()


def upcast(old: str, new: str) -> Callable[[Upcaster], Upcaster]:
    """Registers how the data of version `old` (a ce_type) becomes the data of `new`, one step at a time."""

    def register(step: Upcaster) -> Upcaster:
        if old in _upcasters:
            raise TypeError(f"{old} is upcast twice")
        _upcasters[old] = (step, new)
        return step

    return register


def since(event: type[Event], version: int, *changes: Upcaster) -> None:
    """Says in one line what became of the data of the version before, in their order: `since(PartDelivered, 2, drop("received_by"))`."""

    def changed(data: dict[str, Any]) -> dict[str, Any]:
        for change in changes:
            data = change(data)
        return data

    name = event.contract.name
    upcast(f"{name}.v{version - 1}", f"{name}.v{version}")(changed)


def drop(*paths: str) -> Upcaster:
    """The fields are gone, wherever they were there. `actions.owner` is a field of each action, when `actions` is a list."""

    def dropped(data: dict[str, Any]) -> dict[str, Any]:
        for path in paths:
            data = _without(data, path.split("."))
        return data

    return dropped


def move(path: str, name: str) -> Upcaster:
    """A value, by its path, is a field of the event by another name from now on; none where it was not there or null.

    `move("contact.contact_id", "contact_id")`. What it stood in stays, until it is dropped.
    """

    def moved(data: dict[str, Any]) -> dict[str, Any]:
        value: Any = data
        for each in path.split("."):
            value = value.get(each) if isinstance(value, dict) else None
        rest = _without(data, path.split("."))
        return rest if value is None else {**rest, name: value}

    return moved


def _without(node: Any, path: list[str]) -> Any:
    if isinstance(node, list):
        return [_without(each, path) for each in node]
    if not isinstance(node, dict) or path[0] not in node:
        return node
    name, *further = path
    if further:
        return {**node, name: _without(node[name], further)}
    return {each: value for each, value in node.items() if each != name}


def upcasts() -> dict[str, str]:
    """Which superseded `ce_type` is read as which newer one."""
    return {old: new for old, (_, new) in _upcasters.items()}


def read_as(ce_type: str) -> str:
    """The `ce_type` that this one's data is read as: its newest version where upcasters lead there, else itself."""
    while ce_type in _upcasters:
        ce_type = _upcasters[ce_type][1]
    return ce_type


def kind_of(ce_type: str) -> str:
    """The kind of aggregate that a fact of this type is about: its service and its subject's field, as `rma.rma_id`.

    A type without a contract here is a kind of its own, `?` and its name: all that is known is that its versions go up.
    """
    kind = _kinds_of_types.get(ce_type)
    if kind is None:
        names = (each.rpartition(".v")[0] for each in (ce_type, read_as(ce_type)))
        kind = next((_kinds[name] for name in names if name in _kinds), None)
        if kind is None:
            return UNKNOWN_KIND + ce_type.rpartition(".v")[0]
        _kinds_of_types[ce_type] = kind
    return kind


def event_types() -> dict[str, type[Event]]:
    """Every contract that has been imported, by `ce_type`."""
    return dict(_classes)


def decode(ce_type: str, data: bytes) -> Event:
    """The event in its newest version.

    Raises UnknownEvent for a type without a contract, pydantic's ValidationError for data that breaks it.
    """
    if ce_type not in _upcasters:
        try:
            return _classes[ce_type].model_validate_json(data)
        except KeyError:
            raise UnknownEvent(ce_type) from None
    ce_type, fields = newest(ce_type, pydantic_core.from_json(data))
    return _classes[ce_type].model_validate(fields)


def newest(ce_type: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Type and data of a record as the newest version has them: what is given out of an older record.

    Raises what an upcaster raises on data that never were of that version.
    """
    while ce_type in _upcasters:
        step, ce_type = _upcasters[ce_type]
        data = step(data)
    return ce_type, data
