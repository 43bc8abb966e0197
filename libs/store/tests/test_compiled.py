"""A query compiled once finds what the same query built anew finds, for whatever values it is given."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from libs.store import Compiled, Database, given
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
        found = {limit: [c.label for c in await tx.look(Crate, _LIGHTER, limit=limit)] for limit in (0, 1, 9)}
    assert found == {0: [], 1: ["a"], 9: ["a", "b", "c"]}


async def test_what_was_only_looked_at_is_never_written(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = tx.add(Crate(id=new_id(), account_id=uuid4(), label="a", weight=1))
    async with database.transaction(WORKER) as tx:
        (looked_at,) = await tx.look(Crate, _LIGHTER, limit=2)
        looked_at.weight = 7
        assert (await Crate.get(made.id, tx)).weight == 1
    assert await value(database, "SELECT weight FROM crates WHERE label = 'a'") == 1


@pytest.mark.parametrize("values", [{}, {"limit": 1, "label": "a"}, {"weight": 1}])
def test_a_value_that_is_missing_or_not_wanted_is_an_error(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="limit"):
        _LIGHTER.arguments(values)
