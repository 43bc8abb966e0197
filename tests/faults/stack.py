"""A whole Poly+ to be broken: engines, every API and every worker a process of its own, a proxy on every way between them."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

from deploy.local import databases, demo, kafka, postgres
from deploy.local import environment as environments
from deploy.local.environment import Environment, kafka_passwords
from deploy.local.members import OPS_PORT, SIMULATORS, member
from deploy.local.migrate import migrate
from deploy.local.ports import HOST, Ports
from deploy.local.processes import Child, Processes
from deploy.local.stack import SHARED
from deploy.local.supervisor import answers
from deploy.services import PUBLISHING, SERVICES
from deploy.topics import PARTITIONS, admin_client, prepare
from tests.faults import witness
from tests.faults.proxy import Proxy
from tests.faults.targets import API, BROKER, POSTGRES, WORKER, Target, Targets
from tests.faults.witness import WITNESS
from tests.support.tables import database_for

# Of this one a second worker runs, so that a frozen one is a zombie when it wakes: another has its partitions.
_TWICE = ("rma",)
_APIS = {f"{service}.api": service for service in SERVICES}
_WORKERS = {
    f"{service}.worker.{n + 1}": service for service in PUBLISHING for n in range(2 if service in _TWICE else 1)
}
TARGETS: Mapping[str, Sequence[str]] = {
    API: tuple(_APIS), WORKER: tuple(_WORKERS), POSTGRES: ("postgres",), BROKER: ("kafka",),
}  # fmt: skip
"""What can be attacked, by kind. The witness is not: it is frozen and set free by what puts events before it twice."""
_PROXIED = "PROXIED"


class FaultStack:
    """`async with FaultStack(home, logs, say) as stack:` everything is up, with the demo data, and nothing is left after.

    `env` is what people and operators are told: the gateway through its proxy, engines straight. `links` are the proxies:
    `gateway`, `kafka`, and `postgres:<service>`.
    """

    def __init__(self, home: Path, logs: Path, say: Callable[[str], None]) -> None:
        self.home, self._say = home, say
        self.env: Environment = {}
        self.links: dict[str, Proxy] = {}
        self._ports = Ports({})
        self._processes = Processes(home / "run", logs, preload=SHARED)
        self.targets = Targets(self._processes)

    async def __aenter__(self) -> Self:
        try:
            await self._bring_up()
        except BaseException:
            await self._take_down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._take_down()

    def heal(self) -> None:
        """Every way is free and nobody is frozen."""
        for proxy in self.links.values():
            proxy.heal()
        self.targets.thaw_all()

    async def _bring_up(self) -> None:
        self._processes.warm()
        self.env = environments.with_credentials({})
        self.env["POLYPLUS_HOME"] = str(self.home.resolve())
        await asyncio.gather(asyncio.to_thread(self._prepare_postgres), asyncio.to_thread(self._prepare_kafka))
        await self.targets.start(["postgres", "kafka"])
        await asyncio.gather(self._make_databases(), self._make_topics())
        for name in (*SERVICES, *SIMULATORS, OPS_PORT):
            self.env[f"POLYPLUS_{name.upper()}_URL"] = f"http://{HOST}:{self._port()}"
        self._place_proxies()
        self._say("engines are up; starting the services")
        for proxy in self.links.values():
            await proxy.start()
        for name in SIMULATORS:
            self._add(name, "simulator", name, None)
        for name, service in _APIS.items():
            self._add(name, API, service, "api")
        for name, service in _WORKERS.items():
            self._add(name, WORKER, service, "worker")
        self._add(WITNESS, WORKER, WITNESS, "worker")
        people = [*SIMULATORS, *_APIS, *_WORKERS, WITNESS]
        await self.targets.start(people)
        # what people are told; the services themselves know the gateway's own address
        self.env["POLYPLUS_GATEWAY_URL"] = f"http://{HOST}:{self.links['gateway'].port}"
        environments.write(self.home, self.env)
        self.ids = await demo.load(self.env, lambda _: None)
        self._say(f"{len(people)} processes are ready, with the demo data")

    # --- engines -----------------------------------------------------------------------------------------------------

    def _prepare_postgres(self) -> None:
        data, password, port = self.home / "postgres", secrets.token_hex(16), self._port()
        postgres.prepare(data, password)
        running: list[postgres.Postgres] = []

        def launch() -> Child:
            # it is killed with all it started: its own folder says that nobody is there any more
            running[:] = [postgres.launch(self._processes, data, port=port, password=password)]
            return running[0].child

        async def ready() -> bool:
            return running[0].is_up()

        self.env["POLYPLUS_POSTGRES_ADMIN_URL"] = postgres.admin_url(port, password)
        self.targets.add(Target("postgres", POSTGRES, "postgres", launch, ready, ready))

    def _prepare_kafka(self) -> None:
        home, password = self.home / "kafka", secrets.token_hex(16)
        port, controller, behind, proxied = (self._port() for _ in range(4))
        kafka.prepare(home, port=port, controller_port=controller, password=password)
        _listen_also(home / "server.properties", behind, proxied)
        self.links["kafka"] = Proxy(proxied, behind)
        running: list[kafka.Kafka] = []

        def launch() -> Child:
            running[:] = [kafka.launch(self._processes, home, port=port, password=password)]
            return running[0].child

        async def ready() -> bool:
            if not running[0].is_up():
                return False
            with suppress(KafkaException):
                await asyncio.to_thread(admin_client(*running[0].login).list_topics, timeout=2)
                return True
            return False

        self.env |= {
            "POLYPLUS_KAFKA_BOOTSTRAP": f"{HOST}:{port}",
            "POLYPLUS_KAFKA_ADMIN_USER": kafka.ADMIN,
            "POLYPLUS_KAFKA_ADMIN_PASSWORD": password,
        }
        self.targets.add(Target("kafka", BROKER, "kafka", launch, ready, ready))

    async def _make_databases(self) -> None:
        async def make(service: str) -> None:
            made = await databases.create_service_database(self.env["POLYPLUS_POSTGRES_ADMIN_URL"], service)
            self.env[f"POLYPLUS_{service.upper()}_OWNER_URL"] = made.owner_url
            self.env[f"POLYPLUS_{service.upper()}_DATABASE_URL"] = made.runtime_url
            await migrate(service, made.owner_url)

        for service in SERVICES:  # roles are the server's: two at once would meet
            await make(service)
        urls = await database_for(self.env["POLYPLUS_POSTGRES_ADMIN_URL"], WITNESS, witness.Sighting, witness.Refusal)
        self.env["POLYPLUS_WITNESS_OWNER_URL"], self.env["POLYPLUS_WITNESS_DATABASE_URL"] = urls

    async def _make_topics(self) -> None:
        login = (self.env[f"POLYPLUS_KAFKA_{what}"] for what in ("BOOTSTRAP", "ADMIN_USER", "ADMIN_PASSWORD"))
        admin = admin_client(*login)
        await asyncio.to_thread(prepare, admin, kafka_passwords(self.env))
        made = admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (witness.TOPIC, witness.DLQ)])
        await asyncio.gather(*map(asyncio.wrap_future, made.values()))
        for what in ("USER", "PASSWORD"):
            self.env[f"POLYPLUS_WITNESS_KAFKA_{what}"] = self.env[f"POLYPLUS_KAFKA_ADMIN_{what}"]

    # --- services ----------------------------------------------------------------------------------------------------

    def _place_proxies(self) -> None:
        server = urlsplit(self.env["POLYPLUS_POSTGRES_ADMIN_URL"]).port
        gateway = urlsplit(self.env["POLYPLUS_GATEWAY_URL"]).port
        assert server is not None
        assert gateway is not None
        self.links["gateway"] = Proxy(self._port(), gateway)
        for service in (*SERVICES, WITNESS):
            self.links[f"postgres:{service}"] = Proxy(self._port(), server)

    def _add(self, name: str, kind: str, service: str, role: str | None) -> None:
        told = dict(self.env)
        told["POLYPLUS_KAFKA_BOOTSTRAP"] = f"{HOST}:{self.links['kafka'].port}"
        if role:
            database = f"POLYPLUS_{service.upper()}_DATABASE_URL"
            told[database] = _through(told[database], self.links[f"postgres:{service}"].port, name)
        if role == "worker":  # its health has a port of its own
            told[f"POLYPLUS_{service.upper()}_URL"] = f"http://{HOST}:{self._port()}"
        planned = member(service, told)
        argv = (sys.executable, "-m", "deploy.cli", "serve", service, "--role", role) if role else planned.argv
        if service == WITNESS:
            argv = (sys.executable, "-m", witness.__name__)

        def launch() -> Child:
            return self._processes.start(name, argv, env=planned.env, wave=1, grace=25)

        async def ready() -> bool:
            return await answers(planned.url)

        async def alive() -> bool:
            return await answers(planned.url, "/healthz")

        self.targets.add(Target(name, kind, service, launch, ready, alive))

    def _port(self) -> int:
        return self._ports.choose("", None)

    async def _take_down(self) -> None:
        self.heal()
        # nobody looks at them any more; of PostgreSQL, killed, something would stay behind in the machine
        killed = [name for name in self.targets.names() if self.targets[name].kind != POSTGRES]
        await asyncio.gather(*(self.targets.kill(name) for name in killed))
        await asyncio.to_thread(self._processes.stop_all)
        for proxy in self.links.values():
            await proxy.stop()
        self._ports.close()


def _listen_also(properties: Path, port: int, advertised: int) -> None:
    """A second listener for clients, which tells them the proxy's port as its own."""
    settings = dict(line.split("=", 1) for line in properties.read_text().splitlines())
    settings["listeners"] += f",{_PROXIED}://{HOST}:{port}"
    settings["advertised.listeners"] += f",{_PROXIED}://{HOST}:{advertised}"
    settings["listener.security.protocol.map"] += f",{_PROXIED}:SASL_PLAINTEXT"
    scram = "scram-sha-512.sasl.jaas.config"
    settings[f"listener.name.{_PROXIED.lower()}.{scram}"] = settings[f"listener.name.client.{scram}"]
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _through(url: str, port: int, name: str) -> str:
    """The same database through a proxy, each session named after its process."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{HOST}:{port}", query=f"application_name={name}"))
