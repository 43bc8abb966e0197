"""Every type of field comes back as it went, from the database and through a change."""

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.store import Database
from libs.store.ids import derived, new_id
from libs.store.tests.goods import WORKER, Colour, Everything, Maker, value
from tests.support.tables import database_for

HANOI = timezone(timedelta(hours=7))
VIETNAMESE = (
    "Camera ở tầng 3 không lên hình — đã thử khởi động lại; “Đường Nguyễn Thị Minh Khai” 🎥\n\t\\ ' \" {0} $1 %s"
)
MAKER = Maker(name=VIETNAMESE, since=date(2020, 2, 29), seen_at=[datetime(2026, 7, 29, 23, 59, 59, 999_999, HANOI)])
FILLED: dict[str, Any] = {
    "other": UUID(int=2**128 - 1),
    "text": VIETNAMESE,
    "colour": Colour.GREEN,
    "kind": "closed",
    "whole": -(2**63),
    "yes": False,
    "real": 0.1,
    "at": datetime(2026, 7, 29, 1, 2, 3, 456_789, HANOI),
    "day": date(1999, 12, 31),
    "raw": b"\x00\xff'\\",
    "maker": MAKER,
}
GIVEN: dict[str, Any] = {**FILLED, "makers": [MAKER, MAKER], "names": {VIETNAMESE: [1, 2], "": []}}
ALSO = {f"{name}_or_none": held for name, held in {**FILLED, "makers": []}.items() if name != "other"} | {
    "other_or_none": UUID(int=0)
}

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
instants = st.datetimes(timezones=st.sampled_from([UTC, HANOI]), min_value=datetime(1900, 1, 1))  # noqa: DTZ001
makers = st.builds(Maker, name=texts, since=st.dates(), seen_at=st.lists(instants, max_size=2))
values = {
    "other": st.uuids(),
    "text": texts,
    "colour": st.sampled_from(Colour),
    "kind": st.sampled_from(["open", "closed"]),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "yes": st.booleans(),
    "real": st.floats(allow_nan=False),
    "at": instants,
    "day": st.dates(),
    "raw": st.binary(max_size=30),
    "maker": makers,
    "makers": st.lists(makers, max_size=2),
}
everythings = st.fixed_dictionaries(
    {**values, "names": st.dictionaries(texts, st.lists(st.integers()), max_size=3), "empty": st.lists(st.integers())},
    optional={f"{name}_or_none": st.none() | kind for name, kind in values.items()},
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shelf(postgres_url: str) -> Any:
    _, url = await database_for(postgres_url, f"fields{uuid4().hex[:10]}", Everything)
    database = await Database.connect(url, size=2)
    yield database
    await database.close()


def held(entity: Everything) -> dict[str, Any]:
    return {each.name: getattr(entity, each.name) for each in fields(entity)}


async def stored(shelf: Database, **given: Any) -> dict[str, Any]:
    """The fields as another transaction reads them, after they were written once and changed once."""
    id = new_id()
    async with shelf.transaction(WORKER) as tx:
        tx.add(Everything(id=id, **GIVEN))
    async with shelf.transaction(WORKER) as tx:
        entity = await Everything.get(id, tx, lock=True)
        assert {name: getattr(entity, name) for name in GIVEN} == GIVEN
        for name, changed in given.items():
            setattr(entity, name, changed)
    async with shelf.transaction(WORKER) as tx:
        again = await Everything.get(id, tx)
        assert again is not entity
        [selected] = await tx.select(Everything, Everything.c.id == id)
        assert selected is again
        return held(again)


async def test_every_type_of_field_comes_back_as_it_went(shelf: Database) -> None:
    found = await stored(shelf, **ALSO, empty=[3])
    assert {name: found[name] for name in {**GIVEN, **ALSO}} == {**GIVEN, **ALSO}
    assert found["empty"] == [3]
    assert isinstance(found["other"], UUID)
    assert type(found["colour"]) is Colour
    assert found["at"].utcoffset() == timedelta(0), "the same instant, in UTC"
    assert found["maker"].seen_at[0].utcoffset() == timedelta(hours=7), "what is kept as JSON keeps its zone"


async def test_what_is_missing_comes_back_as_none_and_is_null_for_sql(shelf: Database) -> None:
    found = await stored(shelf, **dict.fromkeys(ALSO))
    assert {found[name] for name in ALSO} == {None}
    assert found["empty"] == []
    nulls = "SELECT num_nulls({}) FROM everythings WHERE id = $1".format(", ".join(ALSO))
    assert await value(shelf, nulls, found["id"]) == len(ALSO)


async def test_reading_and_locking_alone_change_nothing(shelf: Database) -> None:
    async with shelf.transaction(WORKER) as tx:
        made = tx.add(Everything(id=new_id(), **GIVEN, **ALSO))
    before = await value(shelf, "SELECT xmin::text FROM everythings WHERE id = $1", made.id)
    async with shelf.transaction(WORKER) as tx:
        for name, same in held(await Everything.get(made.id, tx, lock=True)).items():
            setattr(await Everything.get(made.id, tx), name, same)
    assert await value(shelf, "SELECT revision FROM everythings WHERE id = $1", made.id) == 0
    async with shelf.transaction(WORKER) as tx:
        assert await tx.connection.fetchval("SELECT xmin::text FROM everythings WHERE id = $1", made.id) == before


async def test_what_changes_inside_a_list_or_a_nested_model_is_noticed(shelf: Database) -> None:
    async with shelf.transaction(WORKER) as tx:
        made = tx.add(Everything(id=new_id(), **GIVEN))
    async with shelf.transaction(WORKER) as tx:
        entity = await Everything.get(made.id, tx, lock=True)
        entity.names[VIETNAMESE].append(3)
        entity.makers[1].name = "Bình"
    async with shelf.transaction(WORKER) as tx:
        found = await Everything.get(made.id, tx)
    assert (found.names[VIETNAMESE], found.makers[1].name, found.revision) == ([1, 2, 3], "Bình", 1)


@given(given=everythings)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_value_comes_back_as_it_went(shelf: Database, given: dict[str, Any]) -> None:
    found = await stored(shelf, **given)
    assert {name: found[name] for name in given} == given


def test_a_derived_id_is_the_same_for_the_same_cause_and_name() -> None:
    cause = new_id()
    assert derived(cause, "rma") == derived(cause, "rma") != derived(cause, "appointment")
    assert derived(new_id(), "rma") != derived(cause, "rma")
