"""`polyplus serve | migrate | migration`: one service at a time."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.output import one_line, print_json
from deploy.local.errors import CannotRun
from deploy.services import ENTRIES, SERVICES

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_SERVE = """
One process in the foreground until SIGTERM or Ctrl-C, told by its environment (docs/settings.md); its log is JSON lines on standard
output. `all` is the API and the worker in one, the others are one half each; a service takes several of each.

examples:
  polyplus serve rma
  polyplus serve rma --role worker
"""
_MIGRATE = """
Each database is brought to the newest revision, in the order given; one that is there already is left as it is. Needs the owner's
address of each (POLYPLUS_<SERVICE>_OWNER_URL, also from .polyplus/env). May be repeated. docs/upgrade.md says when.

example:
  polyplus migrate cases rma
"""
_MIGRATION = """
For who changes a model: compares it with the newest revision, on a database of its own, and writes what is missing.

example:
  polyplus migration rma "a reason beside the promise"
"""


def add_commands(commands: Commands) -> None:
    serve = operators_command(commands, "serve", "run a service, its API or its worker", _SERVE, home=False)
    serve.add_argument("service", type=_service)
    serve.add_argument("--role", choices=("all", "api", "worker"), default="all")
    serve.set_defaults(run=_serve)
    migrate = operators_command(commands, "migrate", "bring services' databases up to date", _MIGRATE)
    migrate.add_argument("service", nargs="+", type=_service)
    migrate.set_defaults(run=_migrate)
    migration = operators_command(
        commands, "migration", "write the migration that a changed model needs", _MIGRATION, home=False
    )
    migration.add_argument("service", type=_service)
    migration.add_argument("message")
    migration.set_defaults(run=_migration)


def _service(name: str) -> str:
    if name not in SERVICES:
        raise WrongUsage(f"there is no service {name!r}; the services are {', '.join(SERVICES)}")
    return name


def _serve(arguments: argparse.Namespace) -> int:
    import asyncpg

    if arguments.role not in (roles := ENTRIES[arguments.service].roles):
        raise WrongUsage(f"{arguments.service} is no {arguments.role}; it is {' or '.join(roles)}")
    service = importlib.import_module(f"services.{arguments.service}.app").service
    try:
        return int(service.run(arguments.role) or 0)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotRun(f"{arguments.service} cannot run: {one_line(error)}") from error


def _migrate(arguments: argparse.Namespace) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    from deploy.local import environment
    from deploy.local.migrate import migrate_now

    known = {**environment.read(arguments.home), **os.environ}
    owners = {service: f"POLYPLUS_{service.upper()}_OWNER_URL" for service in arguments.service}
    if missing := [variable for variable in owners.values() if variable not in known]:
        raise CannotRun(f"{', '.join(missing)} not set: the address of the service's database as its owner")
    for service, variable in owners.items():
        print(f"migrating {service}", file=sys.stderr, flush=True)
        try:
            migrate_now(service, known[variable])
        except (OSError, SQLAlchemyError) as error:
            raise CannotRun(f"{service}'s database: {one_line(error)}") from error
    if arguments.json:
        print_json({"migrated": list(owners)})
    return 0


def _migration(arguments: argparse.Namespace) -> int:
    import asyncio
    import subprocess

    from deploy.local.databases import create_service_database
    from deploy.local.migrate import migrate_now, versions, write_migration
    from deploy.local.postgres import temporary_postgres

    with temporary_postgres() as admin_url:
        owner = asyncio.run(create_service_database(admin_url, arguments.service)).owner_url
        versions(arguments.service).mkdir(parents=True, exist_ok=True)
        migrate_now(arguments.service, owner)
        written = write_migration(arguments.service, owner, arguments.message)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(written)], check=False)
    if arguments.json:
        print_json({"written": str(written)})
    else:
        print(written)
    return 0
