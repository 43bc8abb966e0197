"""One OpenAPI for all services, AsyncAPI, and two pages."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from fastapi.responses import JSONResponse
from jsonschema import Draft202012Validator
from pydantic import BaseModel, create_model

from libs.events.rma import PartShipped
from services.gateway.app import service
from services.gateway.documents.merging import merged
from services.gateway.documents.own import with_own_routes
from services.gateway.tests.stage import Stage
from tests.support.harness import Harness


class Window(BaseModel):
    starts: str


class Address(BaseModel):
    city: str


async def read() -> None: ...


async def act(body: str) -> None: ...


def a_service(name: str, *paths: str, window: type[BaseModel] = Window) -> FastAPI:
    """One that calls its operations and its schemas as the others do."""
    app = FastAPI(title=name)
    out = create_model("Out", window=(window, ...), address=(Address, ...))
    for n, path in enumerate(paths):
        app.add_api_route(path, read, methods=["GET"], response_model=out, operation_id=f"read_{n}")
    for method in ("POST", "PATCH"):
        app.add_api_route(f"{paths[0]}/act", act, methods=[method], operation_id=f"act_{method.lower()}")
    return app


OtherWindow = create_model("Window", ends=(int, ...))
DOCUMENTS = {
    "rma": a_service("rma", "/v1/rmas", "/v1/cases/{case_id}/stolen").openapi(),
    "onsite": a_service("onsite", "/v1/work-orders", window=OtherWindow).openapi(),
}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def check(document: dict[str, Any]) -> None:
    """What OpenAPI 3.1 asks for and a reader relies on."""
    OpenAPI.model_validate(document)
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name.replace("_", "").replace("-", "").replace(".", "").isalnum()
    for reference in references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
    ids = [o["operationId"] for item in document["paths"].values() for o in item.values()]
    assert len(ids) == len(set(ids))


def test_what_two_services_call_alike_is_told_apart() -> None:
    document = merged(DOCUMENTS, "http://x/oauth/token")
    check(document)
    schemas = document["components"]["schemas"]
    assert {"Window", "OnsiteWindow", "Out", "OnsiteOut", "Address"} <= set(schemas)
    assert "OnsiteAddress" not in schemas
    out = document["paths"]["/v1/work-orders"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert out == {"$ref": "#/components/schemas/OnsiteOut"}
    assert schemas["OnsiteOut"]["properties"]["window"] == {"$ref": "#/components/schemas/OnsiteWindow"}


def test_a_service_describes_its_own_paths_alone() -> None:
    assert "/v1/cases/{case_id}/stolen" not in merged(DOCUMENTS, "")["paths"]


def test_what_holds_for_all_routes_is_said_once() -> None:
    document = merged(DOCUMENTS, "http://x/oauth/token")
    act = document["paths"]["/v1/rmas/act"]
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in act["post"]["parameters"]
    assert {"$ref": "#/components/parameters/IfMatch"} in act["patch"]["parameters"]
    assert act["post"]["responses"]["4XX"] == {"$ref": "#/components/responses/Problem"}
    assert "422" not in act["post"]["responses"]
    assert document["security"] == [{"oauth2": []}]
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "http://x/oauth/token"


def test_the_services_documents_are_left_as_they_are() -> None:
    before = json.dumps(DOCUMENTS)
    merged(DOCUMENTS, "")
    assert json.dumps(DOCUMENTS) == before


async def test_the_gateway_s_own_routes_are_described(gateway: Harness) -> None:
    document = merged({"gateway": with_own_routes(gateway.app.openapi())}, "")
    check(document)
    assert {"/oauth/token", "/v1/clients", "/v1/clients/{client_id}/secret", "/v1/events/stream"} <= set(
        document["paths"]
    )
    assert document["paths"]["/oauth/token"]["post"]["security"] == []
    assert "parameters" not in document["paths"]["/oauth/token"]["post"]
    assert service.name == "gateway"


async def test_a_service_that_was_never_seen_is_named_and_one_that_was_is_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.documents.openapi.FRESH_SECONDS", 0.0)
    await stage.start("rma", a_service("rma", "/v1/rmas"))
    http = await stage.http((await stage.open()).url)
    first = (await http.get("/openapi.json")).json()
    check(first)
    assert "/v1/rmas" in first["paths"]
    assert "rma" not in first["x-unavailable"]
    await stage.stop("rma")
    assert (await http.get("/openapi.json")).json() == first


async def test_a_document_is_put_together_once_and_anew_when_a_service_says_something_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.documents.openapi.FRESH_SECONDS", 0.0)
    made = []

    def counting(*given: Any) -> dict[str, Any]:
        made.append(given)
        return merged(*given)

    monkeypatch.setattr("services.gateway.documents.openapi.merged", counting)
    await stage.start("rma", a_service("rma", "/v1/rmas"))
    http = await stage.http((await stage.open()).url)
    for path in ("/openapi.json", "/docs"):
        assert "/v1/parts" not in (await http.get(path)).text
    assert len({(await http.get("/openapi.json")).content for _ in range(5)}) == 1
    assert len(made) == 1
    await stage.stop("rma")
    await stage.start("rma", a_service("rma", "/v1/rmas", "/v1/parts"))
    for path in ("/openapi.json", "/docs"):
        assert "/v1/parts" in (await http.get(path)).text
    assert len(made) == 2


@pytest.mark.parametrize(
    ("path", "asks", "says"),
    [("/openapi.json", "/openapi.json", 503), ("/docs", "/openapi.json", 200), ("/readyz", "/readyz", 200)],
)
async def test_many_strangers_at_once_are_one_question_to_a_service(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str, asks: str, says: int
) -> None:
    monkeypatch.setattr("services.gateway.documents.openapi.AGAIN_SECONDS", 60.0, raising=False)
    monkeypatch.setattr("services.gateway.door.front.KEPT_SECONDS", 60.0, raising=False)
    asked, app = [], FastAPI(openapi_url=None)

    @app.get(asks)
    async def answer() -> JSONResponse:
        asked.append(path)
        return JSONResponse({}, says)

    await stage.start("rma", app)
    http = await stage.http((await stage.open()).url)
    answers = await asyncio.gather(*(http.get(path, timeout=30) for _ in range(20)))
    assert {each.status_code for each in answers} == {200}
    assert len(asked) == 1


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/asyncapi.json", "/readyz", "/nowhere", "/oauth/token"]
)
async def test_what_needs_no_token_has_a_bound_by_address_and_the_sign_of_life_has_none(
    stage: Stage, path: str
) -> None:
    http = await stage.http((await stage.open(requests_per_second=1)).url)
    answers = await asyncio.gather(*(http.get(path, timeout=30) for _ in range(15)))
    refused = [each for each in answers if each.status_code == 429]
    assert refused
    assert {each.headers["content-type"] for each in refused} == {"application/problem+json"}
    assert all(int(each.headers["retry-after"]) > 0 for each in refused)
    assert {(await http.get("/healthz")).status_code for _ in range(15)} == {200}


async def test_the_pages_name_every_operation_and_load_nothing(stage: Stage) -> None:
    await stage.start("rma", a_service("rma", "/v1/rmas"))
    http = await stage.http((await stage.open()).url)
    docs, landing = await http.get("/docs"), await http.get("/")
    assert "GET /v1/rmas" in docs.text
    assert "POST /oauth/token" in docs.text
    for page in (docs, landing):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert not re.search(r"<script|<link|src=|url\(|href=\"(?!#|/)", page.text)


async def test_what_a_service_says_of_itself_is_text_to_the_page(stage: Stage) -> None:
    app = a_service("rma", "/v1/rmas")
    app.add_api_route("/v1/parts", read, methods=["GET"], description="<script>alert(1)</script>", tags=["<b>"])
    await stage.start("rma", app)
    assert "<script" not in (await (await stage.http((await stage.open()).url)).get("/docs")).text


async def test_the_events_are_described(stage: Stage) -> None:
    document = (await (await stage.http()).get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    assert PartShipped.contract.ce_type in document["components"]["messages"]
