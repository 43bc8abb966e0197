"""Natural keys: what is there already is named, and not made twice."""

from libs.kit.problems import Conflict
from libs.store import Entity, Transaction


class ThereAlready(Conflict):
    """A create's natural key belongs to one that stands; `id` says which. Change that one instead."""

    title = "There already"


async def refuse_twin(cls: type[Entity], tx: Transaction, **natural_key: str) -> None:
    """Raises ThereAlready. Of two made in the same instant the table's unique index refuses one, with 409 as well."""
    twin = await tx.first(cls, *(cls.c[name] == value for name, value in natural_key.items()))
    if twin:
        said = ", ".join(f"{name} {value}" for name, value in natural_key.items())
        raise ThereAlready(f"There is one with this already: {said}. Change it instead.", id=str(twin.id))
