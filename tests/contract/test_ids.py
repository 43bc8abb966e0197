"""Ids are the server's: no caller chooses the id of what is created. Read from every service's own OpenAPI, so that a new route counts."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from deploy.services import SERVICES
from libs.kit.http import ServiceRoute
from tests.support.harness import Harness
from tests.support.lists import document
from tests.support.services import running, service

Schema = dict[str, Any]
REFERENCES = {("Call", "id")}
"""Properties called `id` that name something which is there: the rota, team or person that a step calls."""

WRITES = ("post", "put", "patch")


DOCUMENTS = {name: document(service(name)) for name in SERVICES}
BODIES = [
    (name, method, path, body["schema"], "201" in operation["responses"])
    for name, described in DOCUMENTS.items()
    for path, item in described["paths"].items()
    for method, operation in item.items()
    if method in WRITES
    for kind, body in operation.get("requestBody", {}).get("content", {}).items()
    if kind == "application/json"
]


COMMANDED = sorted({body[0] for body in BODIES})


def properties(schema: Schema, described: Schema, inside: tuple[str, ...] = ()) -> Iterator[tuple[str, str, Schema]]:
    """Every property that a body may have, however deep: the name of its schema, its own, and what it may be."""
    if (ref := schema.get("$ref")) is not None:
        name = ref.rpartition("/")[2]
        known = described["components"]["schemas"] | schema.get("$defs", {})
        if name not in inside:
            yield from properties(known[name], described, (*inside, name))
        return
    described = {"components": {"schemas": described["components"]["schemas"] | schema.get("$defs", {})}}
    for name, each in schema.get("properties", {}).items():
        yield (inside or (schema.get("title", ""),))[-1], name, each
        yield from properties(each, described, inside)
    for each in (
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
        *schema.get("allOf", ()),
        *schema.get("prefixItems", ()),
    ):
        yield from properties(each, described, inside)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from properties(schema[name], described, inside)


def is_a_uuid(schema: Schema) -> bool:
    return schema.get("format") == "uuid" or any(is_a_uuid(each) for each in schema.get("anyOf", ()))


def own_ids(path: str) -> set[str]:
    """How the id of what a POST to this list makes could be called: /v1/partner-agreements → agreement_id, too."""
    words = path.rpartition("/")[2].split("-")
    words[-1] = words[-1].removesuffix("ies") + "y" if words[-1].endswith("ies") else words[-1].removesuffix("s")
    return {"_".join([*words[n:], "id"]) for n in range(len(words))}


@pytest.mark.parametrize(
    ("name", "method", "path", "schema", "creates"), BODIES, ids=[f"{b[1]} {b[2]}" for b in BODIES]
)
def test_no_body_says_the_id_of_what_is_made_or_changed(
    name: str, method: str, path: str, schema: Schema, creates: bool
) -> None:
    found = list(properties(schema, DOCUMENTS[name]))
    assert [
        (owner, each)
        for owner, each, what in found
        if each == "id" and is_a_uuid(what) and (owner, each) not in REFERENCES
    ] == []
    if method == "post" and creates:
        assert [(owner, each) for owner, each, _ in found if each in own_ids(path)] == []


def test_the_bodies_of_every_service_were_read() -> None:
    writing = {name for name in SERVICES if {*WRITES} & {m for item in DOCUMENTS[name]["paths"].values() for m in item}}
    assert writing == {*COMMANDED}
    assert len([1 for body in BODIES if body[1] == "post"]) > 60
    assert ("CreateProblem", "symptom") in {
        (owner, each)
        for owner, each, _ in properties({"$ref": "#/components/schemas/CreateProblem"}, DOCUMENTS["cases"])
    }
    assert own_ids("/v1/partner-agreements") == {"partner_agreement_id", "agreement_id"}
    assert own_ids("/v1/policies") == {"policy_id"}


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """The service that the test is about."""
    async with running(postgres_url, request.param) as harness:
        yield harness


@pytest.mark.parametrize("stage", COMMANDED, indirect=True)
async def test_every_service_refuses_an_id_as_a_property_it_does_not_know(stage: Harness) -> None:
    asked = set()
    for route in routes(stage):
        path = route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", str(UUID(int=7)))
        [role, *_] = sorted(route.allowed.roles & {"admin", "manager", "engineer"} or route.allowed.roles)
        for key in (f"a {path}", f"b {path}"):
            answer = await stage.post(path, {"id": str(uuid4())}, role=role, key=key)
            assert answer.status_code == 422, f"{path}: {answer.status_code} {answer.text}"
            assert {"pointer": "/id", "in": "body", "detail": "Extra inputs are not permitted"} in answer.json()[
                "errors"
            ], path
        asked.add(route.path)
    assert asked


def routes(stage: Harness) -> Iterator[ServiceRoute]:
    """The service's POSTs that take a body as JSON, from callers who have a token."""
    described = DOCUMENTS[stage.service.name]["paths"]
    for route in [each for router in stage.service.routers for each in router.routes]:
        if isinstance(route, ServiceRoute) and "POST" in (route.methods or ()):
            content = described[route.path]["post"].get("requestBody", {}).get("content", {})
            if "application/json" in content and route.body_field is not None and route.allowed.roles:
                yield route
