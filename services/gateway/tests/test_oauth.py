"""Tokens for credentials: RFC 6749, section 4.4, and its errors."""

import asyncio
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from libs.kit.problems import TooManyRequests
from services.gateway.door.limits import Buckets
from services.gateway.identity import secrets
from services.gateway.tests.stage import ISSUER, Stage

GRANT = {"grant_type": "client_credentials"}
SECRET = "geheim: 100% +sicher, lang genug für alle"


async def a_client(stage: Stage, monkeypatch: pytest.MonkeyPatch, secret: str = SECRET) -> str:
    monkeypatch.setattr("services.gateway.use_cases.create_client.new_secret", lambda: secret)
    answer = await stage.gateway.post("/v1/clients", {"name": "a system", "role": "engineer"}, role="admin")
    return str(answer.json()["id"])


async def ask(stage: Stage, form: dict[str, str], **how: object) -> httpx.Response:
    return await (await stage.http()).post("/oauth/token", data=form, **how)  # type: ignore[arg-type]


async def test_credentials_in_the_form_give_a_token_that_opens_the_door(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await a_client(stage, monkeypatch)
    answer = await ask(stage, {**GRANT, "client_id": client, "client_secret": SECRET})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    http = await stage.http(authorization=f"Bearer {body['access_token']}")
    assert (await http.get("/v1/cases")).status_code == 200


async def test_credentials_by_http_basic_are_decoded_as_the_rfc_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await a_client(stage, monkeypatch)
    assert (await ask(stage, GRANT, auth=(client, quote(SECRET, safe="")))).status_code == 200


async def test_the_token_is_verified_by_what_the_gateway_publishes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await a_client(stage, monkeypatch)
    token = (await ask(stage, {**GRANT, "client_id": client, "client_secret": SECRET})).json()["access_token"]
    http = await stage.http()
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == ISSUER
    assert metadata["token_endpoint"] == f"{ISSUER}/oauth/token"
    [key] = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json()).keys
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "at+jwt", "kid": key.key_id}
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="polyplus", issuer=ISSUER)
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (client, 3600)
    assert "d" not in (await http.get("/.well-known/jwks.json")).json()["keys"][0]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password", "client_id": "x", "client_secret": "y"}, 400, "unsupported_grant_type"),
        ({**GRANT, "client_id": "x", "client_secret": "y", "scope": "all"}, 400, "invalid_scope"),
        (GRANT, 401, "invalid_client"),
        ({**GRANT, "client_id": "x"}, 401, "invalid_client"),
        ({**GRANT, "client_id": "not a uuid", "client_secret": "y"}, 401, "invalid_client"),
        ({**GRANT, "client_id": str(uuid4()), "client_secret": SECRET}, 401, "invalid_client"),
        ({**GRANT, "client_id": "x", "client_secret": "y" * 9000}, 413, "invalid_request"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said_as_the_rfc_says(
    stage: Stage, form: dict[str, str], status: int, error: str
) -> None:
    answer = await ask(stage, form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_other_shapes_of_a_request_are_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await a_client(stage, monkeypatch)
    http = await stage.http()
    both = await ask(stage, {**GRANT, "client_id": client, "client_secret": SECRET}, auth=(client, "x"))
    as_json = await http.post("/oauth/token", json={**GRANT, "client_id": client, "client_secret": SECRET})
    form = {"content-type": "application/x-www-form-urlencoded"}
    twice = await http.post("/oauth/token", content="grant_type=client_credentials&grant_type=x", headers=form)
    bytes_ = await http.post("/oauth/token", content=b"grant_type=\xff", headers=form)
    for answer in (both, as_json, twice, bytes_):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    for authorization in ("Bearer x", "Basic ???", "Basic eA=="):
        answer = await ask(stage, GRANT, headers={"authorization": authorization})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_wrong_secret_and_a_disabled_client_are_told_alike(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await a_client(stage, monkeypatch)
    wrong = await ask(stage, {**GRANT, "client_id": client, "client_secret": "x"})
    await stage.gateway.request("DELETE", f"/v1/clients/{client}", role="admin")
    disabled = await ask(stage, {**GRANT, "client_id": client, "client_secret": SECRET})
    assert wrong.status_code == disabled.status_code == 401
    assert wrong.content == disabled.content


async def test_a_rotated_secret_is_the_only_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await a_client(stage, monkeypatch)
    new = (await stage.gateway.post(f"/v1/clients/{client}/secret", {}, role="admin")).json()["secret"]
    old_answer = await ask(stage, {**GRANT, "client_id": client, "client_secret": SECRET})
    answer = await ask(stage, {**GRANT, "client_id": client, "client_secret": new})
    assert (old_answer.status_code, answer.status_code) == (401, 200)
    http = await stage.http(authorization=f"Bearer {answer.json()['access_token']}")
    assert (await http.get("/v1/cases")).status_code == 200


async def test_a_client_that_does_not_exist_costs_as_much_as_one_that_does(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str | None] = []

    def compare(_: str, secret_hash: str | None) -> bool:
        compared.append(secret_hash)
        return False

    monkeypatch.setattr(secrets, "_verify", compare)
    client = await a_client(stage, monkeypatch)
    for client_id in (client, str(uuid4()), "rubbish"):
        await ask(stage, {**GRANT, "client_id": client_id, "client_secret": "x"})
    assert [each is None for each in compared] == [False, True, True]


async def test_guessing_is_slowed_down(stage: Stage) -> None:
    form = {**GRANT, "client_id": str(uuid4()), "client_secret": "x"}
    answers = await asyncio.gather(*(ask(stage, form) for _ in range(80)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 5
    assert refused[0].json()["error"] == "temporarily_unavailable"
    assert int(refused[0].headers["retry-after"]) >= 1


def test_a_bucket_fills_again_with_time() -> None:
    now = 0.0
    buckets = Buckets(clock=lambda: now)

    def taken(n: int) -> int:
        count = 0
        for _ in range(n):
            try:
                buckets.take(UUID(int=1), rate=2, burst=4)
            except TooManyRequests:
                break
            count += 1
        return count

    assert taken(10) == 4
    now = 1.0
    assert taken(10) == 2
    now = 100.0
    assert taken(10) == 4


def test_many_keys_do_not_fill_the_memory() -> None:
    buckets = Buckets(clock=iter(range(10**6)).__next__)
    for n in range(50_000):
        buckets.take(n, rate=1, burst=2)
    assert len(buckets._buckets) <= 20_000
