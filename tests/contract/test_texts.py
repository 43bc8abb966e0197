"""Whatever text a caller writes, wherever a route takes text: it is stored, or refused with a word about that very field."""

import importlib
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError
from uuid_utils.compat import uuid7

from deploy.services import SERVICES
from libs.kit.auth import Public
from libs.kit.http import ServiceRoute
from libs.kit.policies import Policies
from libs.kit.service import Service
from tests.support.harness import Harness
from tests.support.services import running
from tests.support.texts import TextField, body_with, texts_in, texts_of

UNSTORABLE = {"a NUL": "one\0two", "half a surrogate pair": "one\ud800two"}
WITHOUT_END = "a1" * 500_000


def service_named(name: str) -> Service:
    service: Service = importlib.import_module(f"services.{name}.app").service
    return service


def routes_of(service: Service) -> Iterator[ServiceRoute]:
    for router in service.routers:
        for route in router.routes:
            assert isinstance(route, ServiceRoute)
            yield route


def texts_of_service(service: Service) -> list[TextField]:
    return [text for route in routes_of(service) for text in texts_of(route)]


def refuses(text: TextField, value: str) -> bool:
    try:
        TypeAdapter(text.type).validate_python(value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("name", SERVICES)
def test_every_text_that_a_route_takes_is_bounded_and_storable(name: str) -> None:
    texts = texts_of_service(service_named(name))
    found = {
        f"{text.name} takes {what}"
        for text in texts
        for what, value in {**UNSTORABLE, "a text without end": WITHOUT_END}.items()
        if not refuses(text, value)
    }
    assert not found, "\n".join(sorted(found))


@pytest.mark.parametrize("name", SERVICES)
def test_every_text_of_a_policy_is_bounded_and_storable(name: str) -> None:
    """Its settings come as they are and are read as the service's own model."""
    service_named(name)
    modules = [module for key, module in sys.modules.items() if key.startswith(f"services.{name}.")]
    models = {found.sent for module in modules if isinstance(found := getattr(module, "policies", None), Policies)}
    texts = [
        TextField(f"{name}'s policy", "settings", path, type) for model in models for path, type in texts_in(model)
    ]
    assert not [
        text.name for text in texts for value in (*UNSTORABLE.values(), WITHOUT_END) if not refuses(text, value)
    ]


@pytest.mark.parametrize("name", SERVICES)
async def test_a_text_that_cannot_be_stored_is_refused_by_its_name(name: str, postgres_url: str) -> None:
    """Over HTTP, all of a route's texts at once: each is named."""
    async with running(postgres_url, name) as harness:
        wrong = [line async for line in unnamed(harness)]
    assert not wrong, "\n".join(wrong)


async def unnamed(harness: Harness) -> AsyncIterator[str]:
    for route in routes_of(harness.service):
        texts = list(texts_of(route))
        for what, value in {**UNSTORABLE, "a long text": "a1" * 10_000}.items():
            for place in ("body", "query"):
                here = [text for text in texts if text.place == place]
                too_long_for_a_url = place == "query" and len(value) > 10_000
                if not here or too_long_for_a_url or isinstance(route.allowed, Public):
                    continue
                answer = await send(harness, route, here, value, place)
                named = {each["pointer"] for each in answer.json().get("errors", ())}
                missing = {text.pointer for text in here} - named
                if "surrogate" in what:  # no JSON to the reader of a body; replaced by the reader of a URL
                    wrong = answer.status_code >= 500 or (place == "body" and answer.status_code != 400 and missing)
                else:
                    wrong = answer.status_code != 422 or missing
                if wrong:
                    yield f"{texts[0].route} with {what}: {answer.status_code} {sorted(missing)}"


async def send(h: Harness, route: ServiceRoute, texts: list[TextField], value: str, place: str) -> httpx.Response:
    role = min(route.allowed.roles)
    method, path = min(route.methods or {"?"}), re.sub(r"{.*?}", str(UUID(int=1)), route.path)
    headers = {"authorization": f"Bearer {h.token(role, [UUID(int=2)])}", "content-type": "application/json"}
    headers |= {"idempotency-key": str(uuid7()), "if-match": '"0"'}
    body = json.dumps(body_with(value, texts)) if place == "body" else None
    query = {text.path[0]: value.encode(errors="surrogatepass") for text in texts} if place == "query" else {}
    sent = "&".join(f"{name}={quote(each)}" for name, each in query.items())
    return await h.http.request(method, f"{path}?{sent}", content=body, headers=headers)
