"""How the process of the gateway ends."""

import asyncio
import base64
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.gateway.routes import SERVICES
from services.gateway.tests.stage import KEY
from tests.support.harness import service_database

HANGS = """
import asyncio
from libs.kit.service import Server
from services.gateway import app
from services.gateway.door.upstreams import Upstreams

async def never(self):
    print("hangs", flush=True)
    await asyncio.Event().wait()

startup = Server.startup

async def starting(self, sockets=None):
    await startup(self, sockets)
    print("is up", flush=True)

Server.startup = starting
Upstreams.close, app.SERVED_SECONDS, app.END_SECONDS = never, 1, 0.5
app.service.run()
"""


async def test_a_gateway_whose_clean_up_hangs_is_ended_by_force(postgres_url: str) -> None:
    _, url = await service_database(postgres_url, "gateway")
    public = KEY.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    told = {
        "GATEWAY_DATABASE_URL": url,
        "GATEWAY_URL": a_free_place(),
        "GATEWAY_OPS_URL": a_free_place(),
        "GATEWAY_KAFKA_USER": "-",
        "GATEWAY_KAFKA_PASSWORD": "-",
        "KAFKA_BOOTSTRAP": "-",
        "INTERNAL_PUBLIC_KEY": base64.b64encode(public).decode(),
        **{f"{service.upper()}_URL": "http://127.0.0.1:9" for service in SERVICES},
    }
    env = os.environ | {f"POLYPLUS_{name}": value for name, value in told.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HANGS, env=env, stdout=PIPE)
    try:
        await says(process, b"is up")
        process.send_signal(signal.SIGTERM)
        await says(process, b"hangs")
        assert await asyncio.wait_for(process.wait(), 20) == 1
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def a_free_place() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"http://127.0.0.1:{found.getsockname()[1]}"


async def says(process: Process, what: bytes) -> None:
    assert process.stdout
    async with asyncio.timeout(60):
        while what not in (line := await process.stdout.readline()):
            assert line, "it ended before"
