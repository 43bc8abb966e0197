"""The simulated partner's bad days that are about who calls, what it is asked, and what it tells twice or not at all."""

from typing import Any

import httpx
import pytest

from deploy.simulators.tests.receiving import Receiver
from deploy.simulators.tests.stage import Stage, a_request
from deploy.simulators.tickets import PATH

CLIENT = httpx.BasicAuth("poly-plus", "s3cret")
FORM = {"grant_type": "client_credentials"}


async def a_token(stage: Stage) -> str:
    answer = await stage.http.post("/oauth/token", data=FORM, auth=CLIENT)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_who_is_locked_out_gets_no_ticket_and_no_token_and_its_controls_go_on(stage: Stage) -> None:
    await stage.faults(locked_out=True)
    assert (await stage.http.post(PATH, json=a_request())).status_code == 401
    assert (await stage.http.post("/oauth/token", data=FORM, auth=CLIENT)).status_code == 401
    await stage.faults()
    assert (await stage.http.get(PATH)).json() == []


async def test_only_the_tokens_that_it_gave_are_taken_until_they_are_taken_back(stage: Stage) -> None:
    await stage.faults(tokens_only=True)
    token = await a_token(stage)
    for headers, status in (({}, 401), (bearing("guessed"), 401), (bearing(token), 201)):
        assert (await stage.http.post(PATH, json=a_request(), headers=headers)).status_code == status
    assert (await stage.http.delete("/simulate/tokens")).status_code == 204
    assert (await stage.http.get(PATH, headers=bearing(token))).status_code == 401


@pytest.mark.parametrize("wrong", [{"data": FORM}, {"data": {"grant_type": "password"}, "auth": CLIENT}])
async def test_a_client_without_a_secret_or_with_another_grant_gets_no_token(
    stage: Stage,
    wrong: dict[str, Any],
) -> None:
    answer = await stage.http.post("/oauth/token", **wrong)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_a_busy_partner_says_how_long(stage: Stage) -> None:
    await stage.faults(busy_seconds=90)
    answer = await stage.http.get(PATH)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "90")


async def test_a_search_by_another_parameter_knows_that_one_alone(stage: Stage) -> None:
    await stage.open("PE-1")
    await stage.open("PE-2")
    await stage.faults(search_by="externalIdentifier.id")
    found = await stage.http.get(PATH, params={"externalIdentifier.id": "PE-1"})
    assert [each["externalIdentifier"][0]["id"] for each in found.json()] == ["PE-1"]
    await stage.faults()
    assert (await stage.http.get(PATH, params={"externalIdentifier.id": "PE-1"})).status_code == 400


async def test_what_is_told_again_has_another_id_and_may_have_no_count(stage: Stage, receiver: Receiver) -> None:
    ticket = await stage.open()
    await stage.faults(repeat_rate=1, uncounted=True)
    await stage.does(ticket, "note", text="Looked at it")
    await receiver.hears(2)
    first, second = receiver.heard
    assert first.pop("event_id") != second.pop("event_id")
    assert first == second
    assert "sequence" not in first


async def test_a_ticket_that_ended_is_opened_again_and_one_that_vanished_is_not_there(
    stage: Stage,
    receiver: Receiver,
) -> None:
    ticket = await stage.open()
    await stage.does(ticket, "close", text="Done")
    assert (await stage.does(ticket, "reopen", text="Not done")).json()["status"] == "inProgress"
    await receiver.hears(2)
    assert receiver.told("status") == ["closed", "inProgress"]
    assert (await stage.does(ticket, "vanish")).json()["id"] == ticket["id"]
    assert (await stage.http.get(ticket["href"])).status_code == 404
    assert await stage.search("PE-2026-000042") == []
    assert (await stage.does(ticket, "vanish")).status_code == 404
