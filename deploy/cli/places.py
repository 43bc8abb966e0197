"""The services that an operator's command looks at: those whose database the environment names."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local import environment
from deploy.local.errors import CannotRun
from deploy.services import SERVICES

if TYPE_CHECKING:
    import asyncpg

    from libs.kit.service import Service


def known_environment(home: Path) -> Mapping[str, str]:
    """The stack's environment file; where there is none, as on a server, this process's own."""
    known = environment.read(home) or {name: v for name, v in os.environ.items() if name.startswith("POLYPLUS_")}
    if not any(url_of(service) in known for service in SERVICES):
        raise CannotRun(f"{home / environment.FILE} names no service's database: polyplus up makes it")
    return known


def url_of(service: str) -> str:
    return f"POLYPLUS_{service.upper()}_DATABASE_URL"


def needed(known: Mapping[str, str], *names: str) -> list[str]:
    """Their values. Raises CannotRun naming those that are not set."""
    if absent := [name for name in names if name not in known]:
        raise CannotRun(f"{', '.join(absent)} not set: `polyplus env` shows what is")
    return [known[name] for name in names]


def chosen(known: Mapping[str, str], service: str | None) -> list[str]:
    """The service asked for, or every one that this environment has."""
    if service is None:
        return [each for each in SERVICES if url_of(each) in known]
    if service not in SERVICES:
        raise CannotRun(f"there is no service {service!r}; the services are {', '.join(SERVICES)}")
    needed(known, url_of(service))
    return [service]


@asynccontextmanager
async def connected(known: Mapping[str, str], service: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection to the service's database. Raises CannotRun when it is out of reach, or says no to what it is asked."""
    import asyncpg

    try:
        connection: Any = await asyncpg.connect(known[url_of(service)], timeout=10)
        try:
            yield connection
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        said = f"{str(error) or type(error).__name__}".partition("\n")[0]
        raise CannotRun(f"{service}'s database does not answer: {said}") from error


def wired(known: Mapping[str, str], service: str) -> Service:
    """The service as its own process has it, with its logs on standard error."""
    from libs.kit import telemetry

    telemetry.configure(service, stream=sys.stderr)
    os.environ.update(known)  # a handler reads the settings of its service
    found: Service = importlib.import_module(f"services.{service}.app").service
    return found
