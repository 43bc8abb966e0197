import asyncio
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from deploy.local import postgres
from deploy.local.kafka import KafkaLogin
from deploy.local.ports import free_port
from deploy.local.processes import Processes
from deploy.local.waiting import until as until_now
from libs.bus.tests.stage import a_stage, running, some, until


class Server:
    """A PostgreSQL that writes to its disk what it must, when it must, and no sooner."""

    def __init__(self, home: Path) -> None:
        self._processes = Processes(home / "run", home / "logs")
        self._data, self._password, self._port = home / "data", secrets.token_hex(16), free_port()
        postgres.prepare(self._data, self._password)

    def start(self) -> str:
        """Its admin's URL. What writes behind the backs of commits stands still from now on."""
        found = postgres.launch(self._processes, self._data, port=self._port, password=self._password)
        until_now(found.is_up, seconds=postgres.READY_SECONDS, otherwise=found.late())
        first = psutil.Process(found.child.started.pid)

        def writers() -> list[psutil.Process]:
            return [each for each in first.children() if "walwriter" in " ".join(each.cmdline())]

        until_now(lambda: bool(writers()), seconds=postgres.READY_SECONDS, otherwise="no process writes WAL behind")
        writers()[0].suspend()
        self._all = [first, *first.children()]
        return found.admin_url

    def crash(self) -> None:
        """Nobody says farewell."""
        for process in self._all:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(self._all, timeout=20)
        self._processes.stop_all()

    def end(self) -> None:
        if any(process.is_running() for process in self._all):
            self.crash()


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory(prefix="polyplus-crash-", ignore_cleanup_errors=True) as home:
        server = Server(Path(home))
        yield server
        server.end()


async def test_what_was_sent_before_a_crash_took_its_position_is_sent_again(
    server: Server, kafka_login: KafkaLogin
) -> None:
    async with a_stage(await asyncio.to_thread(server.start), kafka_login) as stage:
        things, moves = some(5), 4
        for _ in range(moves):
            await stage.move(*things)

        async def position() -> tuple[str, int]:
            async with stage.database.pool.acquire() as connection:
                row = await connection.fetchrow("SELECT cur::text, last_id FROM relay_position")
            assert row is not None
            return row[0], row[1]

        async def has_ended() -> bool:
            return (await position()) != before and (await position())[1] == 0

        before = await position()
        working = asyncio.create_task(stage.relay().run(asyncio.Event()))
        await until(has_ended, "the position is beyond what was sent")
        sent = await stage.published_numbers()
        server.crash()
        await asyncio.wait([working], timeout=30)
        assert working.exception() is not None
        await asyncio.to_thread(server.start)
        await stage.database.pool.expire_connections()

        assert await position() == before, "the crash has taken the position with it, or this shows nothing"
        await stage.move(*things)
        async with running(stage.relay().run):
            await until(has_ended, "the position follows")
        now = await stage.published_numbers()
        assert now == {thing: list(range(moves + 1)) for thing in things}
        assert all(now[thing][: len(numbers)] == numbers for thing, numbers in sent.items())
        assert len(await stage.published()) > len(things) * (moves + 1), "the inboxes know what is sent twice"
