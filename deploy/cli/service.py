"""`polyplus serve | migrate | migration`: one service at a time."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands


def add_commands(commands: Commands) -> None:
    serve = commands.add_parser("serve", help="run a service, its API or its worker")
    serve.add_argument("service")
    serve.add_argument("--role", choices=("all", "api", "worker"), default="all")
    serve.set_defaults(run=_serve)
    migrate = commands.add_parser("migrate", help="bring services' databases up to date (POLYPLUS_<SERVICE>_OWNER_URL)")
    migrate.add_argument("service", nargs="+")
    migrate.set_defaults(run=_migrate)
    migration = commands.add_parser("migration", help="write the migration that a changed model needs")
    migration.add_argument("service")
    migration.add_argument("message")
    migration.set_defaults(run=_migration)


def _serve(arguments: argparse.Namespace) -> int:
    service = importlib.import_module(f"services.{arguments.service}.app").service
    return int(service.run(arguments.role) or 0)


def _migrate(arguments: argparse.Namespace) -> int:
    from deploy.local.errors import CannotRun
    from deploy.local.migrate import migrate_now

    for service in arguments.service:
        variable = f"POLYPLUS_{service.upper()}_OWNER_URL"
        if variable not in os.environ:
            raise CannotRun(f"{variable} is not set: the address of {service}'s database as its owner")
        print(f"migrating {service}", file=sys.stderr, flush=True)
        migrate_now(service, os.environ[variable])
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
    print(written)
    return 0
