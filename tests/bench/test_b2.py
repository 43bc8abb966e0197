import pytest

from tests.bench import b2_relay
from tests.bench.engines import Engines


async def test_what_is_made_in_advance_are_the_rows_as_the_relay_reads_them(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(b2_relay, "ROWS", 30 * b2_relay._TIMES)

    with Engines(postgres_url) as engines:
        rows = await b2_relay._as_read(engines, "smoke_b2.events")
    made = [record for records in b2_relay._by_partition(rows).values() for record in records]

    assert {record["key"].decode() for record in made} == {row["key"] for row in rows}
    assert {dict(record["headers"])["ce_id"].decode() for record in made} == {row["event_id"] for row in rows}
    assert len(made) == len(rows) == 30
