import asyncio
import socket
import subprocess
import sys
from typing import Any

import pytest
import uvicorn

from deploy.local.waiting import until_async
from libs.bus import Handlers, Jobs, Timers
from libs.bus.retention import Retention
from libs.kit.service import Server, Service
from libs.kit.settings import UnsafeSetting, retention
from libs.kit.tests.conftest import Api, service


async def test_a_service_that_waits_for_nothing_and_calls_nobody_need_not_say_so(api: Api) -> None:
    assert (service.timers.service, service.jobs.service) == ("parcels", "parcels")
    assert await service.timers.fire_due(api.database) == 0
    async with service.jobs.client() as http:
        assert await service.jobs.run_due(api.database, http) == 0


def test_a_service_keeps_the_timers_and_jobs_that_it_is_given() -> None:
    timers, jobs = Timers("letters"), Jobs("letters")
    letters = Service(name="letters", routers=[], handlers=Handlers("letters"), timers=timers, jobs=jobs)
    assert (letters.timers, letters.jobs) == (timers, jobs)


@pytest.mark.parametrize(("goes_on", "code"), [("time.sleep(60)", 1), ("", 0)])
def test_a_process_that_cannot_end_is_ended(goes_on: str, code: int) -> None:
    program = f"import time; from libs.kit.service import end_within; end_within(0.2); {goes_on}"
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=30, capture_output=True)
    assert ended.returncode == code, ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEEP_INBOX_DAYS", "0"),
        ("KEEP_INBOX_RECORDS", "5999"),
        ("KEEP_VERSIONS_DAYS", "13"),
        ("KEEP_IDEMPOTENCY_KEYS_DAYS", "-1"),
    ],
)
def test_a_process_that_is_told_to_forget_too_soon_does_not_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert retention() == Retention()
    monkeypatch.setenv(f"POLYPLUS_{name}", value)
    with pytest.raises(UnsafeSetting, match=name):
        retention()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system does not know it")
async def test_a_peer_that_takes_nothing_any_more_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.kit.service._DEAF_MILLISECONDS", 1000)
    stuffed = asyncio.Event()

    async def pours(scope: Any, receive: Any, send: Any) -> None:
        gone = asyncio.create_task(_until_gone(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            pouring = asyncio.create_task(
                send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
            )
            _, waits = await asyncio.wait((pouring,), timeout=0.2)
            if waits:
                stuffed.set()
                await pouring

    config = uvicorn.Config(pours, port=0, log_config=None, lifespan="off")
    server = Server(config, asyncio.Event())
    serves = asyncio.create_task(server.serve())
    await until_async(lambda: server.started, seconds=20, otherwise="it does not serve")
    port = server.servers[0].sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port)  # nobody reads
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await asyncio.wait_for(stuffed.wait(), 20)
    await until_async(lambda: not server.server_state.connections, seconds=20, otherwise="it keeps its connection")
    server.should_exit = True
    await asyncio.wait_for(serves, 20)
    writer.close()


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
