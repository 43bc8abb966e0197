"""A database for entities that only a test knows: the runtime's tables, theirs, and row-level security where they have accounts."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from deploy.local.databases import ServiceDatabase, create_service_database
from libs.store import Entity
from libs.store.metadata import RUNTIME_TABLES
from libs.store.schema import (
    install_runtime,
    reference_table,
    tenant_table,
    upgrade_runtime_to_2,
    upgrade_runtime_to_3,
    upgrade_runtime_to_4,
    upgrade_runtime_to_5,
    upgrade_runtime_to_6,
)

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_LARGE = 1_000_000
_SCHEMA = """
SELECT md5(string_agg(what, ' ' ORDER BY what)) FROM (
    SELECT concat_ws(',', 'c', c.relname, c.relkind, c.relacl, a.attname, a.atttypid, a.attnotnull, a.atthasdef) AS what
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'information_schema'::regnamespace)
    UNION ALL SELECT concat_ws(',', 'p', proname, prosrc, proconfig) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(',', 't', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws(',', 'k', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
    UNION ALL SELECT concat_ws(',', 's', setrole, setconfig) FROM pg_db_role_setting
    UNION ALL SELECT concat_ws(',', 'r', polrelid::regclass, polname) FROM pg_policy
) AS found"""


@dataclass(frozen=True)
class _Lent:
    """A database, and what it was like before anybody had it."""

    urls: ServiceDatabase
    schema: str
    rows: dict[str, str]


_spare: dict[tuple[str, tuple[type[Entity], ...], bool], list[_Lent]] = defaultdict(list)


@asynccontextmanager
async def lent_database(
    postgres_url: str, *entities: type[Entity], tenants: bool = False
) -> AsyncIterator[ServiceDatabase]:
    """The owner's and the run-time role's URL of a database as it is when it is new: one that another test is done with, emptied.

    One whose tables, functions or rights that test has changed is not lent again.
    """
    spare, found = _spare[postgres_url, entities, tenants], None
    while spare and found is None:
        found = spare.pop()
        if not await _is_as_new(postgres_url, found, [entity.table.name for entity in entities]):
            found = None
    if found is None:
        urls = await database_for(postgres_url, f"lent_{uuid4().hex[:10]}", *entities, tenants=tenants)
        admin = await asyncpg.connect(_within(postgres_url, urls))
        rows = {name: await admin.fetchval(f"SELECT jsonb_agg(t) FROM {name} AS t") for name in sorted(RUNTIME_TABLES)}
        found = _Lent(urls, await admin.fetchval(_SCHEMA), {name: few for name, few in rows.items() if few})
        await admin.close()
    yield found.urls
    spare.append(found)


def _within(postgres_url: str, urls: ServiceDatabase) -> str:
    """The admin's address of this database."""
    return urlsplit(postgres_url)._replace(path=urlsplit(urls.owner_url).path).geturl()


async def _is_as_new(postgres_url: str, lent: _Lent, tables: list[str]) -> bool:
    """Ends whoever still uses it, and has nothing in it but what it was made with; False when its schema is another now."""
    admin = await asyncpg.connect(_within(postgres_url, lent.urls))
    try:
        await admin.fetch(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if await admin.fetchval(_SCHEMA) != lent.schema:
            return False
        await admin.execute(await emptying(admin, RUNTIME_TABLES | {*tables}))
        for name, rows in lent.rows.items():
            await admin.execute(f"INSERT INTO {name} SELECT * FROM jsonb_populate_recordset(NULL::{name}, $1)", rows)
        await admin.fetch("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence")
    finally:
        await admin.close()
    return True


async def emptying(connection: "asyncpg.Connection[asyncpg.Record]", tables: Collection[str]) -> str:
    """The statements that empty these of the tables. To truncate one of a test's size takes ten times as long as to delete its rows."""
    found = await connection.fetch(
        "SELECT tablename, pg_relation_size(format('public.%I', tablename)::regclass) FROM pg_tables WHERE schemaname = 'public'"
    )
    return "".join(
        f'{"DELETE FROM" if size < _LARGE else "TRUNCATE"} "{name}";' for name, size in found if name in tables
    )


async def database_for(postgres_url: str, name: str, *entities: type[Entity], tenants: bool = False) -> ServiceDatabase:
    """The owner's and the run-time role's URL of a new database."""
    made = await create_service_database(postgres_url, name)
    statements: list[str] = []

    class Collect:
        def execute(self, sqltext: str) -> None:
            statements.append(sqltext)

    install_runtime(Collect())
    upgrade_runtime_to_2(Collect())
    upgrade_runtime_to_3(Collect())
    upgrade_runtime_to_4(Collect())
    upgrade_runtime_to_5(Collect())
    upgrade_runtime_to_6(Collect())
    for entity in entities:
        statements.append(str(CreateTable(entity.table).compile(dialect=_DIALECT)))
        statements += [str(CreateIndex(index).compile(dialect=_DIALECT)) for index in entity.table.indexes]
        if entity.is_reference:
            reference_table(Collect(), entity.table.name)
        if tenants:
            tenant_table(Collect(), entity.table.name)
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute(";".join(statements))
    await owner.close()
    return made
