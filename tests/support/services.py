"""Services for tests that are about several of them: by name, and all behind one door, without a broker between them."""

import base64
import importlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi.responses import JSONResponse

from libs.kit.service import Service
from libs.store import Database
from services.gateway.door.upstreams import Upstreams
from services.gateway.identity.keys import SigningKey
from services.gateway.routes import owner
from services.gateway.use_cases.bindings import AskOwners
from tests.support.harness import SIGNING_KEY, Harness, service_database
from tests.support.serving import serving


def service(name: str) -> Service:
    """By its name: services never import each other, and a test of all of them imports none."""
    found: Service = importlib.import_module(f"services.{name}.app").service
    return found


@asynccontextmanager
async def running(postgres_url: str, name: str) -> AsyncIterator[Harness]:
    """The service on a real PostgreSQL, emptied, with secrets of the test's own."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    owner_url, url = await service_database(postgres_url, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYPLUS_SANDBOX", "1")
        patch.setenv("POLYPLUS_INTERNAL_PRIVATE_KEY", base64.b64encode(key).decode())
        patch.setenv("POLYPLUS_ECPS_ENCRYPTION_KEY", Fernet.generate_key().decode())
        database = await Database.connect(url, size=4)
        harness = Harness(service(name), database, owner_url)
        await harness.empty()
        nobody = Upstreams({}, seconds=1, max_body=1)
        if name == "gateway":  # who is bound to what is asked at nobody's door, until there is one
            harness.app.state.owners = AskOwners(nobody, SigningKey(SIGNING_KEY))
        async with harness.app.router.lifespan_context(harness.app), harness.http:
            yield harness
        await nobody.close()
        await database.close()


@asynccontextmanager
async def behind_one_door(postgres_url: str, names: Sequence[str]) -> AsyncIterator[tuple[str, dict[str, Harness]]]:
    """The URL at which all of them answer, an admin whoever asks; and each of them."""
    async with AsyncExitStack() as all_of_them:
        services = {name: await all_of_them.enter_async_context(running(postgres_url, name)) for name in names}
        token = services[names[0]].token("admin")

        async def door(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["path"] == "/oauth/token":
                await JSONResponse({"access_token": token})(scope, receive, send)
            else:
                await services[owner(scope["path"])].app(scope, receive, send)

        url = (await all_of_them.enter_async_context(serving(door))).url
        if "gateway" in services:
            upstreams = Upstreams(dict.fromkeys(names, url), seconds=10, max_body=2**20)
            all_of_them.push_async_callback(upstreams.close)
            services["gateway"].app.state.owners = AskOwners(upstreams, SigningKey(SIGNING_KEY))
        yield url, services
