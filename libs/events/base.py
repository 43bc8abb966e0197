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
    fields: dict[str, Any] = pydantic_core.from_json(data)
    while ce_type in _upcasters:
        step, ce_type = _upcasters[ce_type]
        fields = step(fields)
    return _classes[ce_type].model_validate(fields)
