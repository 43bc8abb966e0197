"""A query that runs often: built and compiled once, where building it costs more than the database's answer."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialect

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]


def given(name: str, type_: Any = None) -> sa.BindParameter[Any]:
    """A value in a `Compiled` that each run gives by this name."""
    return sa.bindparam(name, type_=type_, required=False)


class Compiled:
    """A SQLAlchemy Core statement as asyncpg takes it."""

    def __init__(self, statement: sa.Executable) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self._values: dict[str, Any] = dict(compiled.params)
        self._order: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._given = {name for name, bind in compiled.binds.items() if not bind.unique}

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """In the order of the placeholders. Raises TypeError unless every `given` has its value, and nothing else."""
        if values.keys() != self._given:
            raise TypeError(f"wanted: {sorted(self._given)}; given: {sorted(values)}")
        values = self._values | values
        return [values[name] for name in self._order]
