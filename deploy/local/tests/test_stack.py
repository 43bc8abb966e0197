from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from deploy.local import environment, lock
from deploy.local.environment import ROLES
from deploy.local.errors import CannotRun
from deploy.local.kafka import KafkaLogin, check_login
from deploy.local.parts import SIMULATORS, part
from deploy.local.ports import HOST, Ports
from deploy.local.stack import Stack
from deploy.topics import SERVICES


def engines(home: Path, **environ: str) -> Stack:
    return Stack(home, services=(), simulators=(), environ=environ, say=lambda _line: None)


async def test_two_stacks_run_side_by_side_each_with_its_own_engines(tmp_path: Path) -> None:
    async with engines(tmp_path / "a") as one, engines(tmp_path / "b") as other:
        for variable in (
            "POLYPLUS_KAFKA_BOOTSTRAP",
            "POLYPLUS_POSTGRES_ADMIN_URL",
            "POLYPLUS_GATEWAY_URL",
            "POLYPLUS_RMA_KAFKA_PASSWORD",
        ):
            assert one.env[variable] != other.env[variable]
        for stack in (one, other):
            connection = await asyncpg.connect(stack.env["POLYPLUS_RMA_DATABASE_URL"])
            await connection.close()
            ops = (stack.env[f"POLYPLUS_KAFKA_{what}"] for what in ("BOOTSTRAP", "OPS_USER", "OPS_PASSWORD"))
            await asyncio.to_thread(check_login, KafkaLogin(*ops), hint="")


async def test_a_stack_keeps_its_credentials_and_data_and_is_alone_in_its_home(tmp_path: Path) -> None:
    async with engines(tmp_path) as stack:
        first = dict(stack.env)
        owner = await asyncpg.connect(first["POLYPLUS_RMA_OWNER_URL"])
        await owner.execute("create table kept (id int)")
        await owner.close()
        with pytest.raises(CannotRun, match="running already"):
            lock.take(tmp_path)

    async with engines(tmp_path) as stack:
        assert {name: stack.env[name] for name in first if not name.endswith(("_URL", "BOOTSTRAP"))} == {
            name: value for name, value in first.items() if not name.endswith(("_URL", "BOOTSTRAP"))
        }
        runtime = await asyncpg.connect(stack.env["POLYPLUS_RMA_DATABASE_URL"])
        assert await runtime.fetch("select * from kept") == []
        await runtime.close()
        assert environment.read(tmp_path) == stack.env
        assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600


async def test_existing_engines_are_used_when_the_environment_names_them(tmp_path: Path) -> None:
    async with engines(tmp_path / "theirs") as theirs:
        given = {
            "POLYPLUS_USE_POSTGRES_URL": theirs.env["POLYPLUS_POSTGRES_ADMIN_URL"],
            "POLYPLUS_USE_KAFKA_BOOTSTRAP": theirs.env["POLYPLUS_KAFKA_BOOTSTRAP"],
            "POLYPLUS_USE_KAFKA_USER": theirs.env["POLYPLUS_KAFKA_ADMIN_USER"],
            "POLYPLUS_USE_KAFKA_PASSWORD": theirs.env["POLYPLUS_KAFKA_ADMIN_PASSWORD"],
        }
        async with engines(tmp_path / "ours", **given) as ours:
            assert ours.children() == []
            assert ours.env["POLYPLUS_KAFKA_BOOTSTRAP"] == theirs.env["POLYPLUS_KAFKA_BOOTSTRAP"]
            connection = await asyncpg.connect(ours.env["POLYPLUS_RMA_DATABASE_URL"])
            await connection.close()


async def test_a_configured_port_that_is_taken_says_so(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"^POLYPLUS_GATEWAY_PORT={port} is taken on 127.0.0.1: .*$"):
            await engines(tmp_path, POLYPLUS_GATEWAY_PORT=str(port)).__aenter__()


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
    for name in (*SERVICES, *SIMULATORS):
        known[f"POLYPLUS_{name.upper()}_URL"] = "http://127.0.0.1:1"
        known[f"POLYPLUS_{name.upper()}_DATABASE_URL"] = f"postgresql://{name}:{name}-password@127.0.0.1/{name}"
    known |= {"POLYPLUS_KAFKA_BOOTSTRAP": "127.0.0.1:2", "POLYPLUS_HOME": "/somewhere"}
    told = {name: set(part(name, known).env) for name in (*SERVICES, *SIMULATORS)}

    for service in SERVICES:
        for secret in (f"POLYPLUS_{service.upper()}_DATABASE_URL", f"POLYPLUS_{service.upper()}_KAFKA_PASSWORD"):
            assert [name for name, variables in told.items() if secret in variables] == [service]
    assert [name for name, variables in told.items() if "POLYPLUS_INTERNAL_PRIVATE_KEY" in variables] == ["gateway"]
    assert not any(
        variable.endswith(("OWNER_URL", "ADMIN_URL", "ADMIN_PASSWORD"))
        for variables in told.values()
        for variable in variables
    )


def test_every_role_has_a_client_with_credentials_of_its_own() -> None:
    known = environment.with_credentials({})

    for what in ("ID", "SECRET"):
        assert len({known[f"POLYPLUS_CLIENT_{role.upper()}_{what}"] for role in ROLES}) == len(ROLES)
