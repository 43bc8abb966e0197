from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
import pytest_asyncio

from deploy.local import environment, lock
from deploy.local.errors import CannotRun
from deploy.local.kafka import KafkaLogin, check_login
from deploy.local.members import OPS_PORT, SIMULATORS, member
from deploy.local.ports import HOST, Ports
from deploy.local.processes import Child
from deploy.local.stack import Stack
from deploy.local.supervisor import Unit
from deploy.local.tests.supervised import PLAIN, a_supervisor, all_gone
from deploy.local.waiting import until
from deploy.services import SERVICES


def engines(home: Path, **environ: str) -> Stack:
    return Stack(home, services=(), simulators=(), environ=environ, say=lambda _line: None)


@dataclass(frozen=True)
class Life:
    """What a stack that has ended was, and what it left."""

    home: Path
    env: dict[str, str]
    left: list[int]
    records: list[Path]


@pytest.fixture(scope="module")
def first_life() -> Iterator[Life]:
    with TemporaryDirectory(prefix="polyplus-test-", ignore_cleanup_errors=True) as folder:
        yield lived(Path(folder))


def lived(home: Path) -> Life:
    with a_supervisor("engines", home) as (supervisor, pids):
        env = environment.read(home)
        asyncio.run(execute(env["POLYPLUS_RMA_OWNER_URL"], "create table kept (id int); insert into kept values (7)"))
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(60)
        return Life(home, env, [pid for pid in pids if not all_gone([pid])], [*(home / "run").glob("*.json")])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(first_life: Life) -> AsyncIterator[Stack]:
    """A stack in its second life, for whatever only looks at one."""
    async with engines(first_life.home) as stack:
        yield stack


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def lets_its_people_in(env: Mapping[str, str]) -> None:
    await execute(env["POLYPLUS_RMA_DATABASE_URL"], "select 1")
    ops = (env[f"POLYPLUS_KAFKA_{what}"] for what in ("BOOTSTRAP", "OPS_USER", "OPS_PASSWORD"))
    await asyncio.to_thread(check_login, KafkaLogin(*ops), hint="")


def test_a_stack_told_to_end_stops_its_engines(first_life: Life) -> None:
    assert first_life.left == []
    assert first_life.records == []


async def test_a_stack_comes_back_with_its_credentials_and_data(first_life: Life, stack: Stack) -> None:
    def own(env: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in env.items() if not name.endswith(("_URL", "BOOTSTRAP", "PEERS"))}

    assert own(stack.env) == own(first_life.env)
    assert environment.read(stack.home) == stack.env
    assert (stack.home / "env").stat().st_mode & 0o777 == 0o600
    runtime = await asyncpg.connect(stack.env["POLYPLUS_RMA_DATABASE_URL"])
    assert await runtime.fetchval("select id from kept") == 7
    await runtime.close()


async def test_a_stack_is_alone_in_its_home(stack: Stack) -> None:
    with pytest.raises(CannotRun, match="running already"):
        lock.take(stack.home)


async def test_two_stacks_run_side_by_side_and_one_killed_by_sigkill_leaves_the_other_up_and_nothing_of_its_own(
    stack: Stack, tmp_path: Path
) -> None:
    with a_supervisor("engines", tmp_path) as (supervisor, pids):
        other = environment.read(tmp_path)
        for variable in (
            "POLYPLUS_KAFKA_BOOTSTRAP",
            "POLYPLUS_POSTGRES_ADMIN_URL",
            "POLYPLUS_GATEWAY_URL",
            "POLYPLUS_RMA_KAFKA_PASSWORD",
        ):
            assert stack.env[variable] != other[variable]
        await lets_its_people_in(other)
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()

        until(lambda: all_gone(pids), seconds=60, otherwise=f"{pids} outlived their supervisor")
    await lets_its_people_in(stack.env)


def those_of(stack: Stack, home: Path, say: Callable[[str], None] = lambda _line: None) -> Stack:
    """A stack in another home on this one's engines, with the same passwords, for the engines' people stay the same."""
    environment.write(home, stack.env)
    given = {
        "POLYPLUS_USE_POSTGRES_URL": stack.env["POLYPLUS_POSTGRES_ADMIN_URL"],
        "POLYPLUS_USE_KAFKA_BOOTSTRAP": stack.env["POLYPLUS_KAFKA_BOOTSTRAP"],
        "POLYPLUS_USE_KAFKA_USER": stack.env["POLYPLUS_KAFKA_ADMIN_USER"],
        "POLYPLUS_USE_KAFKA_PASSWORD": stack.env["POLYPLUS_KAFKA_ADMIN_PASSWORD"],
    }
    return Stack(home, services=(), simulators=(), environ=given, say=say)


async def test_existing_engines_are_used_when_the_environment_names_them(stack: Stack, tmp_path: Path) -> None:
    async with those_of(stack, tmp_path) as ours:
        assert ours.children() == []
        assert ours.env["POLYPLUS_KAFKA_BOOTSTRAP"] == stack.env["POLYPLUS_KAFKA_BOOTSTRAP"]
        await lets_its_people_in(ours.env)


async def test_a_stack_whose_watch_fails_stops_politely_what_it_has_started(stack: Stack, tmp_path: Path) -> None:
    def launch() -> Child:
        raise RuntimeError("nobody expected this")

    async def ready() -> bool:
        return True

    said: list[str] = []
    async with those_of(stack, tmp_path, said.append) as ours:
        child = ours._processes.start("one", [sys.executable, "-c", PLAIN], env={}, wave=1)
        ours._supervisor.add(Unit("broken", launch, ready, wanted=True))
        with pytest.raises(RuntimeError, match="nobody expected this"):
            await ours.forever()

    assert child.exit_code() == -signal.SIGTERM
    assert not lock.is_taken(tmp_path)
    assert [line for line in said if "nobody expected this" in line]


async def test_a_configured_port_that_is_taken_says_so(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"^POLYPLUS_GATEWAY_PORT={port} is taken on 127.0.0.1: .*$"):
            await engines(tmp_path, POLYPLUS_GATEWAY_PORT=str(port)).__aenter__()


async def test_what_was_asked_of_an_earlier_supervisor_is_forgotten(tmp_path: Path) -> None:
    asked = tmp_path / "run" / "restart" / "earlier.asked"
    asked.parent.mkdir(parents=True)
    asked.write_text("rma")
    with socket.create_server((HOST, 0)) as taken, pytest.raises(CannotRun, match="is taken"):
        await engines(tmp_path, POLYPLUS_GATEWAY_PORT=str(taken.getsockname()[1])).__aenter__()
    assert not asked.exists()


async def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"GB free under .* needed: make room first$"):
        await Stack(tmp_path, environ={}, needed_bytes=1 << 62).__aenter__()


async def test_kafka_by_address_without_a_login_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="needs POLYPLUS_USE_KAFKA_USER"):
        await engines(tmp_path, POLYPLUS_USE_KAFKA_BOOTSTRAP="127.0.0.1:1").__aenter__()


def test_a_default_port_that_is_taken_gives_way_to_a_free_one() -> None:
    ports, others = Ports({}), Ports({})
    with socket.create_server((HOST, 0)) as taken, closing(ports), closing(others):
        port = taken.getsockname()[1]

        chosen = ports.choose("POLYPLUS_RMA_PORT", port)

        assert chosen != port
        assert others.choose("POLYPLUS_RMA_PORT", chosen) != chosen


def test_a_password_reaches_the_service_it_belongs_to_and_the_engine_only() -> None:
    known = environment.with_credentials({})
    for name in (*SERVICES, *SIMULATORS, OPS_PORT):
        known[f"POLYPLUS_{name.upper()}_URL"] = "http://127.0.0.1:1"
        known[f"POLYPLUS_{name.upper()}_DATABASE_URL"] = f"postgresql://{name}:{name}-password@127.0.0.1/{name}"
    known |= {"POLYPLUS_KAFKA_BOOTSTRAP": "127.0.0.1:2", "POLYPLUS_HOME": "/somewhere"}
    told = {name: set(member(name, known).env) for name in (*SERVICES, *SIMULATORS)}

    for service in SERVICES:
        for secret in (f"POLYPLUS_{service.upper()}_DATABASE_URL", f"POLYPLUS_{service.upper()}_KAFKA_PASSWORD"):
            assert [name for name, variables in told.items() if secret in variables] == [service]
    assert [name for name, variables in told.items() if "POLYPLUS_SANDBOX_PEERS" in variables] == ["ecps"]
    assert member("ecps", known).env["POLYPLUS_SANDBOX_PEERS"] == "127.0.0.1:1 127.0.0.1:1"
    assert [name for name, variables in told.items() if "POLYPLUS_INTERNAL_PRIVATE_KEY" in variables] == ["gateway"]
    assert not any(
        variable.endswith(("OWNER_URL", "ADMIN_URL", "ADMIN_PASSWORD"))
        for variables in told.values()
        for variable in variables
    )


def test_only_the_first_admin_is_known_before_anything_runs() -> None:
    known = environment.with_credentials({})

    assert {name for name in known if "_CLIENT_" in name} == {
        "POLYPLUS_CLIENT_ADMIN_ID",
        "POLYPLUS_CLIENT_ADMIN_SECRET",
    }
    assert environment.with_credentials(known) == known
