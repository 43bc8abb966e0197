"""Each service's migrations (`services/<service>/migrations/versions`), run as the owner of its database."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only

from deploy.local.errors import CannotRun
from deploy.local.processes import ROOT

# Any number will do, so long as nobody else in the database takes it.
_LOCK = 0x706F6C79
_alembic_is_one_per_process = threading.Lock()


async def migrate(service: str, owner_url: str, revision: str = "head") -> None:
    """Bring the service's database to `revision`; two that try at once take turns."""
    await asyncio.to_thread(migrate_now, service, owner_url, revision)


def migrate_now(service: str, owner_url: str, revision: str = "head") -> None:
    """`migrate` for callers without an event loop."""
    if not versions(service).is_dir():
        raise CannotRun(f"{service} has no migrations: {versions(service)} is missing")
    _with_connection(service, owner_url, lambda config: command.upgrade(config, revision))


def write_migration(service: str, owner_url: str, message: str) -> Path:
    """Write down what the service's tables have that the (migrated) database has not."""
    place = versions(service)
    place.mkdir(parents=True, exist_ok=True)
    known = sorted(place.glob("[0-9]*.py"))
    number = f"{int(known[-1].name[:4]) + 1 if known else 1:04}"
    _with_connection(
        service, owner_url, lambda config: command.revision(config, message, autogenerate=True, rev_id=number)
    )
    return next(place.glob(f"{number}_*.py"))


def versions(service: str) -> Path:
    return ROOT / "services" / service / "migrations" / "versions"


def _with_connection(service: str, owner_url: str, run: Callable[[Config], object]) -> None:
    with _alembic_is_one_per_process:
        asyncio.run(_connected(service, owner_url, run))


async def _connected(service: str, owner_url: str, run: Callable[[Config], object]) -> None:
    engine = create_async_engine(
        urlunsplit(urlsplit(owner_url)._replace(scheme="postgresql+asyncpg")), poolclass=NullPool
    )
    sa.event.listen(engine.sync_engine, "do_execute", _whole_script)
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
            await connection.commit()
            await connection.run_sync(lambda plain: run(_config(service, plain)))
    finally:
        await engine.dispose()


def _whole_script(cursor: Any, statement: str, parameters: object, context: Any) -> bool:
    """Runs a text of several statements, which PostgreSQL prepares one by one only; whether it did."""
    if parameters or ";" not in statement:
        return False
    cursor.execute("select 1")  # the driver's adapter begins its transaction with what it executes itself
    await_only(context.root_connection.connection.driver_connection.execute(statement))
    return True


def _config(service: str, connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", _literal(ROOT / "deploy" / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _literal(versions(service)))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = _tables(service)
    config.attributes["include_name"] = _is_the_services_own
    return config


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")


def _tables(service: str) -> sa.MetaData:
    from libs.store.metadata import metadata

    model = importlib.import_module(f"services.{service}.model")
    for module in pkgutil.walk_packages(getattr(model, "__path__", []), f"{model.__name__}."):
        importlib.import_module(module.name)
    return metadata(service)


def _is_the_services_own(name: str | None, kind: str, _parents: object) -> bool:
    """The runtime's tables and the partitions are not for autogenerate to drop."""
    from libs.store.metadata import RUNTIME_TABLES

    if kind != "table" or name is None:
        return True
    return name not in RUNTIME_TABLES and not re.search(r"_\d+$", name)
