"""What HTTP asks of every route there is: found in the services, so that a new one counts."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from deploy.services import SERVICES
from libs.kit.auth import Public
from libs.kit.http import ServiceRoute
from tests.support.harness import Harness
from tests.support.services import running

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.mark.parametrize("name", SERVICES)
async def test_every_path_says_what_it_takes_and_takes_that_alone(name: str, postgres_url: str) -> None:
    async with running(postgres_url, name) as harness:
        wrong = [line async for line in unmannerly(harness)]
    assert not wrong, "\n".join(wrong)


async def unmannerly(h: Harness) -> AsyncIterator[str]:
    paths: dict[str, list[ServiceRoute]] = {}
    for router in h.service.routers:
        for route in router.routes:
            if isinstance(route, ServiceRoute) and route.include_in_schema:
                paths.setdefault(route.path, []).append(route)
    for path, routes in paths.items():
        answers = {method: await ask(h, method, routes[0]) for method in METHODS}
        allowed = answers["OPTIONS"].headers.get("allow", "")
        if answers["OPTIONS"].status_code != 204:
            yield f"OPTIONS {path}: {answers['OPTIONS'].status_code}"
        for method, answer in answers.items():
            if (answer.status_code == 405) == (method in allowed.split(", ")):
                yield f"{method} {path}: {answer.status_code}, though what is allowed is {allowed}"
            if answer.status_code == 405 and answer.headers.get("allow") != allowed:
                yield f"{method} {path}: refused, and says that {answer.headers.get('allow')} is allowed"
        if answers["HEAD"].status_code != answers["GET"].status_code:
            yield f"HEAD {path}: {answers['HEAD'].status_code}, GET: {answers['GET'].status_code}"
        for route in routes:
            if route.body_field and not isinstance(route.allowed, Public):
                answer = await ask(h, min(route.methods or ()), route, content=b"a text")
                if answer.status_code != 415:
                    yield f"{route.methods} {path} took a text: {answer.status_code}"


async def ask(h: Harness, method: str, route: ServiceRoute, content: bytes | None = None) -> httpx.Response:
    role = min(route.allowed.roles, default="admin")
    headers = {"authorization": f"Bearer {h.token(role, [UUID(int=2)])}", "content-type": "text/plain"}
    headers |= {"idempotency-key": str(uuid7()), "if-match": '"0"'}
    return await h.http.request(
        method, re.sub(r"{.*?}", str(UUID(int=1)), route.path), headers=headers, content=content
    )
