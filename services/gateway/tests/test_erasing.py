"""Before somebody is erased the door asks every service what is open with them; nothing below /internal is anybody else's to ask."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from libs.kit.auth import Verifier
from services.gateway.tests.stage import KEY, Stage

AN = uuid4()
VISIT = {"what": "work order", "id": str(uuid4()), "number": "WO-2026-000007", "case_id": None, "state": "planned"}
PART = {"what": "RMA", "id": str(uuid4()), "number": "RMA-2026-000003", "case_id": None, "state": "reserved"}


class Said:
    """A service that says what is open, and counts who asked."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.app, self.asked = FastAPI(), list[tuple[str, str, str]]()

        @self.app.get("/internal/open-work")
        async def open_work(kind: str, id: str, request: Request) -> dict[str, Any]:
            asker = Verifier(KEY.public).principal(request.headers["authorization"])
            self.asked.append((kind, id, asker.role))
            return {"items": [*items]}


async def erase(stage: Stage, path: str = f"/v1/contacts/{AN}/erase", role: str = "manager") -> httpx.Response:
    http = await stage.client(role, url=(await stage.open()).url)
    return await http.post(path, json={"reason": "DSR-17"}, headers={"idempotency-key": str(uuid4())})


def passed_on(stage: Stage) -> list[str]:
    return [each["path"] for each in stage.seen]


async def test_what_is_open_is_named_and_the_command_goes_no_further(stage: Stage) -> None:
    await stage.start("onsite", Said(VISIT).app)
    await stage.start("rma", Said(PART).app)

    answer = await erase(stage)

    assert answer.status_code == 409, answer.text
    assert answer.json()["type"] == "urn:polyplus:problem:still-open"
    assert answer.json()["open"] == [PART, VISIT]
    assert "RMA RMA-2026-000003, work order WO-2026-000007" in answer.json()["detail"]
    assert passed_on(stage) == []


@pytest.mark.parametrize(("path", "kind"), [("/v1/contacts/{}/erase", "contact"), ("/v1/people/{}/erase", "person")])
async def test_every_service_is_asked_by_the_kind_and_the_id(stage: Stage, path: str, kind: str) -> None:
    onsite = Said()
    await stage.start("onsite", onsite.app)

    answer = await erase(stage, path.format(AN), role="admin")

    assert onsite.asked == [(kind, str(AN), "admin")]
    if kind == "contact":
        assert (answer.status_code, passed_on(stage)) == (200, [f"/v1/contacts/{AN}/erase"])


async def test_nobody_is_erased_while_a_service_cannot_say(stage: Stage) -> None:
    await stage.start("onsite", Said().app)
    await stage.stop("onsite")

    answer = await erase(stage)

    assert (answer.status_code, answer.json()["dependency"]) == (503, "onsite")
    assert answer.headers["retry-after"]
    assert passed_on(stage) == []


async def test_a_service_that_does_not_know_the_question_cannot_say(stage: Stage) -> None:
    await stage.start("onsite", FastAPI())

    answer = await erase(stage)

    assert (answer.status_code, answer.json()["dependency"]) == (503, "onsite")


async def test_whoever_may_not_erase_is_told_nothing_by_the_door(stage: Stage) -> None:
    onsite = Said(VISIT)
    await stage.start("onsite", onsite.app)

    answer = await erase(stage, role="engineer")

    assert (answer.status_code, onsite.asked) == (200, [])  # by the owner, who refuses; the stage's takes everything
    assert passed_on(stage) == [f"/v1/contacts/{AN}/erase"]

    answer = await erase(stage, f"/v1/people/{AN}/erase", role="manager")

    assert (answer.status_code, onsite.asked) == (403, [])


async def test_any_other_command_is_passed_on_unasked(stage: Stage) -> None:
    onsite = Said(VISIT)
    await stage.start("onsite", onsite.app)
    http = await stage.client("manager", url=(await stage.open()).url)

    for path in (f"/v1/contacts/{AN}/leave", "/v1/contacts/an/erase", f"/v1/sites/{UUID(int=7)}/erase"):
        assert (await http.post(path, headers={"idempotency-key": "1"})).status_code == 200
    assert (await http.get(f"/v1/contacts/{AN}/erase")).status_code == 200
    assert onsite.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/internal/open-work",
        "//internal/open-work",
        "/v1/../internal/open-work",
        "/v1/cases/../../internal/open-work",
        "/v1/cases/%2e%2e/%2e%2e/internal/open-work",
        "/v1/cases/%2E%2E%2F%2E%2E/internal/open-work",
        "/v1/internal/open-work",
        "/v1%2f..%2finternal/open-work",
    ],
)
async def test_nothing_internal_is_reached_from_outside(stage: Stage, path: str) -> None:
    onsite = Said(VISIT)
    for name in ("onsite", "cases"):
        await stage.start(name, onsite.app)
    http = await stage.client("admin", url=(await stage.open()).url)

    url = http.base_url.copy_with(raw_path=f"{path}?kind=contact&id={AN}".encode())
    answer = await http.send(httpx.Request("GET", url, headers=http.headers))

    assert answer.status_code in (400, 404), answer.text
    assert onsite.asked == []
