"""A query compiled once finds what the same query built anew finds, for whatever values it is given."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given as given_by
from hypothesis import strategies as st

from libs.store import Compiled, Database, given
from libs.store.compiled import compile_once
from libs.store.ids import new_id
from libs.store.tests.goods import WORKER, Crate, value

_LIGHTER = Compiled(
    sa.select(Crate.table)
    .where(Crate.c.weight < given("limit"), Crate.c.label.in_(["a", "b", "c"]))
    .order_by(Crate.c.label)
)


async def test_a_compiled_query_finds_the_same_rows_for_each_value_that_it_is_given(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        for weight, label in enumerate("abcd"):
            tx.add(Crate(id=new_id(), account_id=uuid4(), label=label, weight=weight))
    async with database.transaction(WORKER) as tx:
        found = {limit: [c.label for c in await tx.read_only(Crate, _LIGHTER, limit=limit)] for limit in (0, 1, 9)}
    assert found == {0: [], 1: ["a"], 9: ["a", "b", "c"]}


async def test_what_was_only_looked_at_is_never_written(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = tx.add(Crate(id=new_id(), account_id=uuid4(), label="a", weight=1))
    async with database.transaction(WORKER) as tx:
        (looked_at,) = await tx.read_only(Crate, _LIGHTER, limit=2)
        looked_at.weight = 7
        assert (await Crate.get(made.id, tx)).weight == 1
    assert await value(database, "SELECT weight FROM crates WHERE label = 'a'") == 1


@pytest.mark.parametrize("values", [{}, {"limit": 1, "label": "a"}, {"weight": 1}])
def test_a_value_that_is_missing_or_not_wanted_is_an_error(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="limit"):
        _LIGHTER.arguments(values)


_WORDS = st.sampled_from(["a", "b", "c"])
_CLAUSES = st.one_of(
    st.builds(lambda n: Crate.c.weight < n, st.integers(0, 9)),
    st.builds(lambda a, b: Crate.c.weight.between(a, b), st.integers(0, 9), st.integers(0, 9)),
    st.builds(lambda word: Crate.c.label == word, st.none() | _WORDS),
    st.builds(lambda word: Crate.c.label.ilike(f"%{word}%"), _WORDS),
    st.builds(lambda words: Crate.c.label.in_(words), st.lists(_WORDS, max_size=3)),
    st.builds(lambda words: Crate.c.label.not_in(words), st.lists(_WORDS, max_size=3)),
    st.builds(lambda pair: sa.tuple_(Crate.c.weight, Crate.c.label) > pair, st.tuples(st.integers(0, 9), _WORDS)),
    st.builds(lambda n: Crate.c.id.in_(sa.select(Crate.c.id).where(Crate.c.weight == n).limit(n)), st.integers(1, 9)),
    st.builds(lambda a, b: sa.or_(Crate.c.label == a, Crate.c.weight == b), _WORDS, st.integers(0, 9)),
)


@given_by(
    st.lists(st.tuples(st.lists(_CLAUSES, max_size=3), st.none() | st.integers(1, 9), st.booleans()), max_size=12)
)
def test_a_statement_of_a_known_shape_is_what_it_would_be_compiled_anew(asked: list[Any]) -> None:
    for where, limit, lock in asked:
        query = sa.select(Crate.table).where(*where).order_by(Crate.c.id).limit(limit)
        query = query.with_for_update() if lock else query
        anew = Compiled(query)
        assert compile_once(query) == (anew.sql, anew.arguments({}))
