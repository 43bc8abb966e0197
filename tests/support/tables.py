"""A database for entities that only a test knows: the runtime's tables, theirs, and row-level security where they have accounts."""

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from deploy.local.databases import create_service_database
from libs.store import Entity
from libs.store.schema import (
    install_runtime,
    reference_table,
    tenant_table,
    upgrade_runtime_to_2,
    upgrade_runtime_to_3,
    upgrade_runtime_to_4,
    upgrade_runtime_to_5,
)

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


async def database_for(postgres_url: str, name: str, *entities: type[Entity], tenants: bool = False) -> tuple[str, str]:
    """The owner's and the run-time role's URL of a new database."""
    owner_url, url = await create_service_database(postgres_url, name)
    statements: list[str] = []

    class Collect:
        def execute(self, sqltext: str) -> None:
            statements.append(sqltext)

    install_runtime(Collect())
    upgrade_runtime_to_2(Collect())
    upgrade_runtime_to_3(Collect())
    upgrade_runtime_to_4(Collect())
    upgrade_runtime_to_5(Collect())
    for entity in entities:
        statements.append(str(CreateTable(entity.table).compile(dialect=_DIALECT)))
        statements += [str(CreateIndex(index).compile(dialect=_DIALECT)) for index in entity.table.indexes]
        if entity.is_reference:
            reference_table(Collect(), entity.table.name)
        if tenants:
            tenant_table(Collect(), entity.table.name)
    owner = await asyncpg.connect(owner_url)
    for statement in statements:
        await owner.execute(statement)
    await owner.close()
    return owner_url, url
