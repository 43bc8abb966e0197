"""Queries compiled once: by hand where even building one costs more than the database's answer, by its shape everywhere else."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialect

Binds = Sequence[sa.BindParameter[Any]]
Sources = tuple[tuple[int, int | None], ...]
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
        self._names = compiled.bind_names
        self._given = {name for name, bind in compiled.binds.items() if not bind.unique}

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """In the order of the placeholders. Raises TypeError unless every `given` has its value, and nothing else."""
        if values.keys() != self._given:
            raise TypeError(f"wanted: {sorted(self._given)}; given: {sorted(values)}")
        values = self._values | values
        return [values[name] for name in self._order]

    def sources(self, binds: Binds) -> Sources | None:
        """For each placeholder the parameter it takes its value from, and which of them if that is a list; None if there are others."""
        sources: dict[str, tuple[int, int | None]] = {}
        for n, bind in enumerate(binds):
            name = self._names.get(bind, "")
            if bind.expanding:
                sources |= {f"{name}_{i + 1}": (n, i) for i in range(len(bind.effective_value or ()))}
            else:
                sources[name] = n, None
        return tuple(sources[name] for name in self._order) if sources.keys() >= set(self._order) else None


_KNOWN: dict[Any, tuple[str, Sources]] = {}
_MANY = 2000  # shapes; the code has a few hundred


def compile_once(statement: sa.Executable) -> tuple[str, list[Any]]:
    """The SQL and the arguments of a statement that is built anew each time: of the same shape only the first is compiled.

    Shapes are told apart by SQLAlchemy's own cache key, and the lengths of the lists in `IN`.
    """
    key = statement._generate_cache_key()  # type: ignore[attr-defined]
    shape = key and (key.key, tuple(len(bind.effective_value or ()) for bind in key.bindparams if bind.expanding))
    if known := _KNOWN.get(shape):
        sql, sources = known
        values = [bind.effective_value for bind in key.bindparams]
        return sql, [values[n] if i is None else values[n][i] for n, i in sources]
    compiled = Compiled(statement)
    if shape and (found := compiled.sources(key.bindparams)) is not None:
        if len(_KNOWN) >= _MANY:
            _KNOWN.clear()
        _KNOWN[shape] = compiled.sql, found
    return compiled.sql, compiled.arguments({})
