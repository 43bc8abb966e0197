"""Whatever text a caller writes, wherever a route takes text: it is stored, or refused with a word about that very field."""

import importlib
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter, ValidationError

from deploy.topics import SERVICES
from libs.kit.http import ServiceRoute
from libs.kit.service import Service
from tests.support.texts import TextField, texts_of

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
