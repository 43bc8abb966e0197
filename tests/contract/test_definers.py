"""What the database does with its owner's rights: it says where its names are looked up, and a table that is searched is not forced."""

from collections.abc import Sequence

import asyncpg
import pytest

from deploy.services import SERVICES
from tests.support.harness import service_database

_OPEN = """
SELECT proname FROM pg_proc
 WHERE prosecdef AND pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM unnest(proconfig) AS set WHERE set LIKE 'search_path=public, pg_temp')
"""
_FORCED = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND (c.relforcerowsecurity OR NOT c.relrowsecurity)
   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid = 'tsvector'::regtype AND NOT a.attisdropped)
"""


async def trouble_in(owner: asyncpg.Connection) -> Sequence[str]:
    """Functions with the owner's rights whose names a caller could redirect, and searched tables whose index of words nobody could use
    (forced: the owner's function is held to the policies too) or that everybody reads (no row-level security)."""
    return [row[0] for query in (_OPEN, _FORCED) for row in await owner.fetch(query)]


@pytest.mark.parametrize("name", SERVICES)
async def test_a_definer_s_names_are_its_own_and_a_searched_table_is_not_forced(name: str, postgres_url: str) -> None:
    owner_url, _ = await service_database(postgres_url, name)
    owner = await asyncpg.connect(owner_url)
    try:
        assert await trouble_in(owner) == []
    finally:
        await owner.close()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("ALTER FUNCTION cases_that_say RESET search_path", "cases_that_say"),
        ("ALTER FUNCTION cases_that_say SET search_path = public", "cases_that_say"),
        ("ALTER TABLE case_texts FORCE ROW LEVEL SECURITY", "case_texts"),
        ("ALTER TABLE case_texts DISABLE ROW LEVEL SECURITY", "case_texts"),
    ],
)
async def test_the_other_is_refused(wrong: str, named: str, postgres_url: str) -> None:
    owner_url, _ = await service_database(postgres_url, "cases")
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(f"BEGIN; {wrong}")
        assert await trouble_in(owner) == [named]
    finally:
        await owner.close()
