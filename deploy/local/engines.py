"""PostgreSQL and Kafka for the stack: its own, or those that the environment names."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path

from deploy.local import databases, environment, kafka, postgres
from deploy.local.environment import Environment, kafka_passwords, password_in
from deploy.local.errors import CannotRun
from deploy.local.kafka import KafkaLogin
from deploy.local.members import KAFKA_PORT, POSTGRES_PORT
from deploy.local.ports import Ports
from deploy.local.processes import Child, Processes
from deploy.local.supervisor import Supervisor, Unit
from deploy.local.waiting import in_background
from deploy.services import SERVICES

_POSTGRES_PASSWORD, _KAFKA_PASSWORD = "POLYPLUS_LOCAL_POSTGRES_PASSWORD", "POLYPLUS_LOCAL_KAFKA_PASSWORD"


class Engines:
    def __init__(self, home: Path, known: Environment, environ: Mapping[str, str]) -> None:
        self._home, self._environment = home, known
        self._postgres_url = environ.get("POLYPLUS_USE_POSTGRES_URL")
        self._kafka = _login(environ)

    async def bring_up(self, processes: Processes, supervisor: Supervisor, ports: Ports) -> None:
        """Start what is ours, prepare both, and write the addresses into the environment."""
        names: list[str] = []
        preparing = []
        self._know_passwords()
        if self._postgres_url is None:
            preparing.append(
                self._add_postgres(processes, supervisor, ports.choose("POLYPLUS_POSTGRES_PORT", POSTGRES_PORT))
            )
            names.append("postgres")
        if self._kafka is None:
            port, controller = (
                ports.choose("POLYPLUS_KAFKA_PORT", KAFKA_PORT),
                ports.choose("POLYPLUS_KAFKA_CONTROLLER_PORT", None),
            )
            preparing.append(self._add_kafka(processes, supervisor, port, controller))
            names.append("kafka")
        await asyncio.gather(*preparing)
        await supervisor.start(names)
        await asyncio.gather(self._make_databases(), self._make_topics())

    async def _add_postgres(self, processes: Processes, supervisor: Supervisor, port: int) -> None:
        data, password = self._home / "postgres", self._environment[_POSTGRES_PASSWORD]
        await in_background(lambda: postgres.prepare(data, password))
        running: list[postgres.Postgres] = []

        def launch() -> Child:
            running[:] = [postgres.launch(processes, data, port=port, password=password)]
            return running[0].child

        async def ready() -> bool:
            return running[0].is_up()

        supervisor.add(Unit("postgres", launch, ready))
        self._environment["POLYPLUS_POSTGRES_ADMIN_URL"] = postgres.admin_url(port, password)

    async def _add_kafka(self, processes: Processes, supervisor: Supervisor, port: int, controller: int) -> None:
        home, password = self._home / "kafka", self._environment[_KAFKA_PASSWORD]
        await in_background(lambda: kafka.prepare(home, port=port, controller_port=controller, password=password))
        running: list[kafka.Kafka] = []

        def launch() -> Child:
            running[:] = [kafka.launch(processes, home, port=port, password=password)]
            return running[0].child

        async def ready() -> bool:
            return running[0].is_up()

        supervisor.add(Unit("kafka", launch, ready))
        self._kafka = KafkaLogin(f"127.0.0.1:{port}", kafka.ADMIN, password)

    def _know_passwords(self) -> None:
        """Writes down the passwords of the engines that are ours before either is made with one."""
        ours = [
            (_POSTGRES_PASSWORD, self._home / "postgres" / "PG_VERSION", self._postgres_url is None),
            (_KAFKA_PASSWORD, self._home / "kafka" / "data" / "meta.properties", self._kafka is None),
        ]
        for variable, made, needed in ours:
            if needed and variable not in self._environment and made.exists():
                raise CannotRun(
                    f"{made.parent} was made with a password that {self._home / 'env'} no longer has: make clean starts afresh"
                )
            if needed:
                self._environment.setdefault(variable, secrets.token_hex(16))
        environment.write(self._home, self._environment)

    async def _make_databases(self) -> None:
        if self._postgres_url is not None:
            self._environment["POLYPLUS_POSTGRES_ADMIN_URL"] = self._postgres_url
        admin_url = self._environment["POLYPLUS_POSTGRES_ADMIN_URL"]
        for service in SERVICES:
            owner, runtime = f"POLYPLUS_{service.upper()}_OWNER_URL", f"POLYPLUS_{service.upper()}_DATABASE_URL"
            try:
                made = await databases.create_service_database(
                    admin_url,
                    service,
                    owner_password=password_in(self._environment.get(owner)),
                    runtime_password=password_in(self._environment.get(runtime)),
                    own_server=self._postgres_url is None,
                )
            except OSError as refused:
                raise CannotRun(
                    f"PostgreSQL cannot be reached at its address ({refused}): check POLYPLUS_USE_POSTGRES_URL"
                ) from refused
            self._environment |= {owner: made.owner_url, runtime: made.runtime_url}

    async def _make_topics(self) -> None:
        from deploy.topics import admin_client, prepare

        login = self._kafka
        assert login is not None
        hint = f"its log is {self._home / 'logs' / 'kafka.log'}, and POLYPLUS_USE_KAFKA_BOOTSTRAP may name another"
        await in_background(lambda: kafka.check_login(login, hint=hint))
        await in_background(lambda: prepare(admin_client(*login), kafka_passwords(self._environment)))
        self._environment |= {
            "POLYPLUS_KAFKA_BOOTSTRAP": login.bootstrap,
            "POLYPLUS_KAFKA_ADMIN_USER": login.user,
            "POLYPLUS_KAFKA_ADMIN_PASSWORD": login.password,
        }


def _login(environ: Mapping[str, str]) -> KafkaLogin | None:
    bootstrap = environ.get("POLYPLUS_USE_KAFKA_BOOTSTRAP")
    if not bootstrap:
        return None
    try:
        return KafkaLogin(bootstrap, environ["POLYPLUS_USE_KAFKA_USER"], environ["POLYPLUS_USE_KAFKA_PASSWORD"])
    except KeyError as missing:
        raise CannotRun(f"POLYPLUS_USE_KAFKA_BOOTSTRAP needs {missing.args[0]} as well: an admin's login") from missing
