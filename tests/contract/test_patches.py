"""Null, nothing and a value for every field of every PATCH in the house: null means one thing, and is refused with one text."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from deploy.services import SERVICES
from libs.kit import people
from libs.kit.http import ServiceRoute
from libs.kit.patch import Patch
from tests.support.access import least, routes
from tests.support.harness import Harness
from tests.support.services import running, service

REFUSED = "This always has a value: null cannot clear it"


def patches(name: str) -> Iterator[tuple[ServiceRoute, type[Patch]]]:
    for route in routes(service(name)):
        if route.methods == {"PATCH"}:
            assert route.body_field is not None, route.path
            model = route.body_field.field_info.annotation
            assert isinstance(model, type)
            assert issubclass(model, Patch), f"{route.path} takes no Patch"
            yield route, model


def cleared(model: type[Patch]) -> set[str]:
    """The fields that null clears, as the schema says it to a client."""
    properties = model.model_json_schema()["properties"]
    return {n for n, each in properties.items() if {"type": "null"} in each.get("anyOf", ())}


def test_there_are_patches_to_look_at() -> None:
    found = [model for name in SERVICES for _, model in patches(name)]
    fields = [(model, name) for model in found for name in model.model_fields]
    assert len(found) >= 20
    assert {name in cleared(model) for model, name in fields} == {True, False}


@pytest.mark.parametrize("name", SERVICES)
async def test_null_clears_what_its_type_says_and_is_refused_elsewhere_with_one_text(
    name: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.05)  # nobody comes
    async with running(postgres_url, name) as harness:
        for topic in harness.service.replicas.topics:
            await harness.has_caught_up(topic)
        wrong = [line for route, model in patches(name) async for line in misread(harness, route, model)]
    assert not wrong, "\n".join(wrong)


async def misread(h: Harness, route: ServiceRoute, model: type[Patch]) -> Any:
    schema = model.model_json_schema()
    known = schema.get("$defs", {})
    needed = {name: least(schema["properties"][name], known) for name in schema.get("required", ())}
    for field in schema["properties"]:
        bodies: dict[str, Any] = {"nothing": {n: v for n, v in needed.items() if n != field}}
        bodies["null"] = {**needed, field: None}
        bodies["a value"] = {**needed, field: least(schema["properties"][field], known)}
        for what, body in bodies.items():
            said = await complaint(h, route, body, f"/{field}")
            expected = REFUSED if what == "null" and field not in cleared(model) else None
            if what == "nothing" and field in needed:
                expected = "Field required"
            made_up = what == "a value" and said not in (REFUSED, "Field required")  # it may break a rule of its own
            if said != expected and not made_up:
                yield f"{route.path} with {what} for {field}: {said!r} instead of {expected!r}"


async def complaint(h: Harness, route: ServiceRoute, body: Any, pointer: str) -> str | None:
    """What is said about this field of the body; there is no such row, so that nothing happens when all is well."""
    path = route.path
    for parameter in route.param_convertors:
        path = path.replace(f"{{{parameter}}}", str(UUID(int=1)))
    answer = await h.patch(path, body, etag='"0"', role=min(route.allowed.roles))
    assert answer.status_code in (404, 409, 422), f"{path} {body}: {answer.status_code} {answer.text}"
    found = [each["detail"] for each in answer.json().get("errors", ()) if each["pointer"] == pointer]
    return found[0] if found else None
