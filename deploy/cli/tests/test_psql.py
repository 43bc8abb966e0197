from __future__ import annotations

from deploy.cli.tests.conftest import Cli
from libs.bus.tests.stage import Stage, some


async def test_psql_shows_rows_and_changes_nothing_unless_it_is_told_to(polyplus: Cli, stage: Stage) -> None:
    polyplus.knows(RMA_DATABASE_URL=stage.url)
    [thing] = some(1)
    await stage.move(thing)
    shown = await polyplus("psql", "rma", "--json", "-c", "SELECT id, moves FROM things")
    assert (shown.code, shown.json()) == (0, [{"id": str(thing), "moves": 1}])
    refused = await polyplus("psql", "rma", "--json", "-c", "UPDATE things SET moves = 7")
    assert refused.code == 2
    assert "read-only" in refused.json()["error"]
    assert (await polyplus("psql", "rma", "-c", "UPDATE things SET moves = 7")).code == 2
    assert (await polyplus("psql", "rma", "--write", "-c", "UPDATE things SET moves = 7")).code == 0
    assert await stage.fetchval("SELECT moves FROM things") == 7


async def test_psql_says_when_the_database_is_away(polyplus: Cli) -> None:
    polyplus.knows(RMA_DATABASE_URL="postgresql://rma:secret-word@127.0.0.1:1/rma")
    away = await polyplus("psql", "rma", "--json", "-c", "SELECT 1")
    assert away.code == 2
    assert "secret-word" not in away.out + away.err
