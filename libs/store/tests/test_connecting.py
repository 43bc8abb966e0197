"""A database that is starting up is waited for, and one that stays so is not waited for for ever."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from libs.store import Database, database

_FIELDS = (b"SFATAL", b"VFATAL", b"C57P03", b"Mthe database system is starting up", b"")
_STARTING = b"".join(field + b"\0" for field in _FIELDS)


class StartingServer:
    """Says so to the first `times` who come, as PostgreSQL does in its recovery, and lets the others through to one that is up."""

    def __init__(self, url: str, times: int) -> None:
        self.url, self.left, self.came = urlsplit(url), times, 0

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login, _, _ = self.url.netloc.rpartition("@")
        return self.url._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable").geturl()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        if self.came <= self.left:
            size = int.from_bytes(await reader.readexactly(4))
            await reader.readexactly(size - 4)
            writer.write(b"E" + (len(_STARTING) + 4).to_bytes(4) + _STARTING)
            writer.close()
            return
        behind, ahead = await asyncio.open_connection(self.url.hostname, self.url.port)
        await asyncio.gather(_pass_on(reader, ahead), _pass_on(behind, writer))


async def _pass_on(come: asyncio.StreamReader, go: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await come.read(65536):
            go.write(data)
    go.close()


async def test_a_server_that_is_starting_up_is_waited_for(runtime_url: str) -> None:
    server = StartingServer(runtime_url, 3)
    async with server as url:
        found = await Database.connect(url, size=1)
        assert await found.pool.fetchval("SELECT 1") == 1
        await found.close()
    assert server.came == 4


async def test_one_that_stays_so_is_given_up(runtime_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STARTING_SECONDS", 0.5)
    async with StartingServer(runtime_url, 10**6) as url:
        with pytest.raises(asyncpg.CannotConnectNowError):
            await Database.connect(url, size=1)
