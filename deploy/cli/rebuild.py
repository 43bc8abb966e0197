"""`polyplus rebuild`: a projection read anew from the log, and mended where it is wrong."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.output import one_line, print_json, print_table
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands
    from libs.bus.projections import Rebuildable
    from libs.bus.rebuild import Rebuilt
    from libs.kit.service import Service

_TEACH = """
A projection is a table that says again what other services have told: a case file, a list of replacements. It is read anew from Kafka
into a shadow of its own, from the first event to what the service has consumed by now, and then mended row by row where it differs.
The service stays up: only its consumer waits, for the moment of the mending. Nothing is emitted, nobody is notified, no timer is set;
what the service itself decided stays. A rebuild that is stopped has changed nothing.

Rows that cannot be mended are listed with the reason and left as they are (exit code 1). Run it as one who has the owner's URL of the
database (POLYPLUS_<SERVICE>_OWNER_URL) and the service's Kafka login: `polyplus env` has them on a laptop.

examples:
  polyplus rebuild --list                 which projections there are
  polyplus rebuild rma case_files --check only tell what differs; exit code 1 when something does
  polyplus rebuild rma                    mend all of a service's projections
  polyplus rebuild --all --check          does everything still say what the log says?
"""
_SHOWN = 20


def add_commands(commands: Commands) -> None:
    rebuild = operators_command(commands, "rebuild", "a projection read anew from the log, and mended", _TEACH)
    rebuild.add_argument("service", nargs="?")
    rebuild.add_argument("projection", nargs="?", help="one of the service's projections (default: all of them)")
    rebuild.add_argument("--all", action="store_true", help="every projection of every service")
    rebuild.add_argument("--list", action="store_true", help="which projections there are")
    rebuild.add_argument("--check", action="store_true", help="only tell what differs")
    rebuild.set_defaults(run=lambda arguments: asyncio.run(_rebuild(arguments)))


async def _rebuild(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import chosen, known_environment, wired

    known = known_environment(arguments.home)
    services = chosen(known, arguments.service)
    if arguments.list:
        _print_list(arguments, {service: [p.name for p in _projections(wired(known, service))] for service in services})
        return 0
    if (arguments.service is None) != arguments.all:
        raise WrongUsage("name a service, or --all, or --list")
    trouble, told = False, list[dict[str, Any]]()
    for service, projection in _wanted([wired(known, each) for each in services], arguments):
        done = await _one(known, service, projection, check=arguments.check)
        trouble |= any(each.left or arguments.check for each in done.differences)
        told.append({"service": service.name, **asdict(done)})
        if not arguments.json:
            _print(service.name, done, check=arguments.check)
    if arguments.json:
        print_json(told)
    return int(trouble)


def _wanted(services: list[Service], arguments: argparse.Namespace) -> list[tuple[Service, Rebuildable]]:
    there = [(service, projection) for service in services for projection in _projections(service)]
    wanted = [(service, p) for service, p in there if arguments.projection in (None, p.name)]
    if not wanted:
        names = ", ".join(p.name for _, p in there) or "none"
        missing = f" {arguments.projection!r}" if arguments.projection else ""
        raise WrongUsage(f"{arguments.service} has no projection{missing}; it has {names}")
    return wanted


def _projections(service: Service) -> list[Rebuildable]:
    return sorted(service.projections, key=lambda projection: projection.name)


async def _one(known: Mapping[str, str], service: Service, projection: Rebuildable, *, check: bool) -> Rebuilt:
    import asyncpg

    from deploy.cli.places import needed
    from libs.bus.kafka import Kafka
    from libs.bus.log import KafkaLog, LogUnavailable
    from libs.bus.rebuild import RebuildBusy, rebuild

    mine = f"POLYPLUS_{service.name.upper()}"
    owner_url, *login = needed(
        known, f"{mine}_OWNER_URL", "POLYPLUS_KAFKA_BOOTSTRAP", f"{mine}_KAFKA_USER", f"{mine}_KAFKA_PASSWORD"
    )
    try:
        with _progress(f"{service.name} {projection.name}") as progress:
            async with KafkaLog(Kafka(*login)) as log:
                return await rebuild(owner_url, service.handlers, projection, log, check=check, progress=progress)
    except (RebuildBusy, LogUnavailable) as error:
        raise CannotRun(f"{service.name}: {error}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotRun(f"{service.name}'s database: {one_line(error)}") from error
    except Exception as error:  # whatever a handler raises
        raise CannotRun(f"{service.name} cannot read {projection.name} anew: {one_line(error)}") from error


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _read, _of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda read, of: bar.update(task, completed=read, total=of)


def _print_list(arguments: argparse.Namespace, projections: Mapping[str, list[str]]) -> None:
    if arguments.json:
        print_json(projections)
    else:
        print_table(
            ("service", "projections"), [(name, ", ".join(found) or None) for name, found in projections.items()]
        )


def _print(service: str, done: Rebuilt, *, check: bool) -> None:
    counts = Counter("left as it is" if d.left else d.what for d in done.differences)
    told = ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "no row differs"
    verb = "read anew, nothing changed" if check else "rebuilt"
    print(
        f"{service} {done.projection}: {verb} from {done.events} events: {told}; consumption waited {done.held_seconds:.2f} s"
    )
    shown = done.differences[:_SHOWN]
    rows = [(d.id, f"{d.what}; left as it is: {d.left}" if d.left else d.what, ", ".join(d.columns)) for d in shown]
    if rows:
        print_table(("id", "what", "columns"), rows, marked=[i for i, d in enumerate(shown) if d.left])
    if len(done.differences) > _SHOWN:
        print(f"  and {len(done.differences) - _SHOWN} more; --json tells all")
