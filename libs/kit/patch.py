"""How a command makes an entity, and how a PATCH changes one.

    class PartFields(Command):
        name: Line
        list_price: Money | None = None

    class AddPart(New, PartFields):
        part_number: Word

    class ChangePart(Patch, PartFields):
        active: bool

`cmd.make(Part, tx)` adds a part that says what the command says; `cmd.apply_to(part)` changes what was sent, and no more.
"""

from collections.abc import Collection, Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, TypeAdapter
from pydantic_core import PydanticCustomError, PydanticUndefined

from libs.kit.http import Command
from libs.store import Entity, Transaction
from libs.store.entity import ColumnMap
from libs.store.ids import new_id

E = TypeVar("E", bound=Entity)
Context = Mapping[str, Any]


class New(Command):
    """The body of a POST that makes an entity."""

    def make(self, cls: type[E], tx: Transaction, *, context: Context | None = None, **more: Any) -> E:
        """A new `cls`, added: the fields of this command that are its columns, `more`, its id, and when it was made."""
        columns = {column.name for column in cls.columns}
        sent = {
            name: kept(cls, name, getattr(self, name), context) for name in type(self).model_fields if name in columns
        }
        made_at = {"created_at": tx.now} if "created_at" in columns else {}
        return tx.add(cls(**{"id": new_id(), **made_at, **sent, **more}))


class Patch(Command):
    """The body of a PATCH. Every field may be left out, and stays; those named in `needs=` have to be there.

    Null clears a field whose type holds None, and is refused for any other. A field that was left out reads as None, whatever
    its type says.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Lets `needs` through to `__pydantic_init_subclass__`, which runs once the fields are known."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, needs: Collection[str] = (), **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if name not in needs:
                field.default, field.default_factory = PydanticUndefined, _left_out
            if not _holds_none(field.annotation):
                field.metadata = [*field.metadata, _NOT_NULL]
        cls.model_rebuild(force=True)

    def apply_to(self, entity: Entity, *, context: Context | None = None) -> list[str]:
        """Changes the columns that were sent, and says which of them are other than before, in the order of the fields."""
        cls, changed = type(entity), []
        columns = {column.name: column for column in cls.columns}
        for name in type(self).model_fields:
            if name in self.model_fields_set and name in columns:
                value = kept(cls, name, getattr(self, name), context)
                if _stored(columns[name], getattr(entity, name)) != _stored(columns[name], value):
                    setattr(entity, name, value)
                    changed.append(name)
        return changed


def kept(cls: type[Entity], name: str, value: Any, context: Context | None = None) -> Any:
    """A command's value as the column keeps it: what is stored as JSON has a type of its own there."""
    adapter = _adapters(cls).get(name)
    return adapter.validate_python(value, from_attributes=True, context=context) if adapter else value


def _stored(column: ColumnMap, value: Any) -> Any:
    return value if value is None or column.dump is None else column.dump(value)


_known: dict[type[Entity], dict[str, TypeAdapter[Any]]] = {}


def _adapters(cls: type[Entity]) -> dict[str, TypeAdapter[Any]]:
    if cls in _known:
        return _known[cls]
    hints = get_type_hints(cls, include_extras=True)
    _known[cls] = {column.name: TypeAdapter(hints[column.name]) for column in cls.columns if column.sql_type == "jsonb"}
    return _known[cls]


def _holds_none(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType) and type(None) in get_args(annotation)


def _left_out() -> None:
    """Where a default would be: in a PATCH what is not sent has no value of its own."""


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null_clears_nothing", "This always has a value: null cannot clear it")
    return value


_NOT_NULL = BeforeValidator(_not_null)
