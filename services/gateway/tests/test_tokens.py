"""Who is let in: access tokens, forged, outdated and good ones, and clients that change meanwhile."""

import asyncio
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.kit.problems import Unauthenticated, Unavailable
from services.gateway.identity import directory as directory_module
from services.gateway.identity.access_tokens import Access, AccessTokens
from services.gateway.identity.directory import Directory
from services.gateway.identity.keys import SigningKey
from services.gateway.model.client import Client
from services.gateway.tests.stage import ISSUER, KEY, Stage, headers_of


def forgeries() -> dict[str, str]:
    """Tokens that look as if."""
    client, other = uuid4(), SigningKey(Ed25519PrivateKey.generate())
    claims = {"iss": ISSUER, "aud": "polyplus", "sub": str(client), "gen": 1, "iat": 1, "exp": 2**31}

    def signed(key: SigningKey = KEY, **changed: object) -> str:
        return jwt.encode({**claims, **changed}, key.private, "EdDSA", {"typ": "at+jwt"})

    good = signed()
    head, body, signature = good.split(".")
    return {
        "none": jwt.encode(claims, "", "none", {"typ": "at+jwt"}),
        "hmac with the public key": jwt.encode(claims, KEY.id, "HS256", {"typ": "at+jwt"}),
        "another key": signed(other),
        "another audience": signed(aud="polyplus-internal"),
        "another issuer": signed(iss="http://elsewhere"),
        "expired": signed(exp=1000),
        "no end": jwt.encode({n: v for n, v in claims.items() if n != "exp"}, KEY.private, "EdDSA", {"typ": "at+jwt"}),
        "no generation": jwt.encode(
            {n: v for n, v in claims.items() if n != "gen"}, KEY.private, "EdDSA", {"typ": "at+jwt"}
        ),
        "another type": jwt.encode(claims, KEY.private, "EdDSA"),
        "signature cut": f"{head}.{body}.",
        "signature changed": f"{head}.{body}.{'A' * len(signature)}",
        "a client that is not": good,
        "not a token": "x",
    }


@pytest.mark.parametrize("how", sorted(forgeries()))
async def test_a_token_that_is_not_ours_opens_nothing(stage: Stage, how: str) -> None:
    http = await stage.http(authorization=f"Bearer {forgeries()[how]}")
    for path in ("/v1/cases", "/v1/clients", "/v1/events/stream"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert stage.seen == []


async def test_an_internal_token_does_not_open_the_door(stage: Stage) -> None:
    internal = headers_of(await (await stage.client("admin")).get("/v1/cases"))["authorization"]
    assert (await (await stage.http(authorization=internal)).get("/v1/clients")).status_code == 401


@pytest.mark.parametrize("authorization", [None, "Basic eA==", "bearer", "Token x"])
async def test_without_a_token_nothing_but_what_is_public_is_open(stage: Stage, authorization: str | None) -> None:
    http = await stage.http(**({"authorization": authorization} if authorization else {}))
    for path in ("/v1/cases", "/v1/clients", "/v1/events/stream", "/v1/events"):
        assert (await http.get(path)).status_code == 401
    for path in ("/", "/docs", "/openapi.json", "/asyncapi.json", "/healthz", "/readyz", "/.well-known/jwks.json"):
        assert (await http.get(path)).status_code == 200
    for path, service in (("/v1/carrier-events", "rma"), ("/v1/partner-events/x", "ecps")):
        answer = await http.post(path, content=b"{}", headers={"webhook-id": "w1"})
        assert answer.json()["service"] == service
        assert "authorization" not in headers_of(answer)
        assert headers_of(answer)["webhook-id"] == "w1"


async def test_a_client_that_is_disabled_or_has_a_new_secret_is_soon_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.identity.directory.FRESH_SECONDS", 0.0)
    for end in ("disable", "rotate"):
        client_id = await stage.make()
        http = await stage.http(authorization=f"Bearer {stage.token(client_id)}")
        assert (await http.get("/v1/cases")).status_code == 200
        if end == "disable":
            await stage.gateway.request("DELETE", f"/v1/clients/{client_id}", role="admin")
        else:
            await stage.gateway.post(f"/v1/clients/{client_id}/secret", {}, role="admin")
        assert (await http.get("/v1/cases")).status_code == 401


async def test_a_client_is_not_read_for_each_request(stage: Stage) -> None:
    client_id = await stage.make()
    http = await stage.http(authorization=f"Bearer {stage.token(client_id)}")
    assert (await http.get("/v1/cases")).status_code == 200
    await stage.gateway.request("DELETE", f"/v1/clients/{client_id}", role="admin")
    answers = await asyncio.gather(*(http.get("/v1/cases") for _ in range(10)))
    assert len({headers_of(a)["authorization"] for a in answers if a.status_code == 200}) <= 1


async def test_a_database_that_stands_still_leaves_known_callers_be_and_new_secrets_are_known_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = await stage.make("engineer")
    directory = Directory(stage.database)
    known = await directory.caller(Access(client_id, 1, 0.0))
    async with stage.gateway.transaction() as tx:
        (await Client.get(client_id, tx, lock=True)).secret_generation = 2
    assert (await directory.caller(Access(client_id, 2, 0.0))).generation == 2
    with pytest.raises(Unauthenticated):
        await directory.caller(Access(client_id, 1, 0.0))

    async def stands_still(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(directory_module, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(directory_module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(Client, "find", stands_still)
    assert (await directory.caller(Access(client_id, 2, 0.0))).principal == known.principal
    with pytest.raises(Unavailable):
        await directory.caller(Access(UUID(int=7), 1, 0.0))
    for task in directory._reading.values():
        task.cancel()


def test_a_token_of_a_clock_that_is_ahead_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    ahead = time.time() + 60
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: ahead)
        token = f"Bearer {AccessTokens(KEY, ISSUER).issue(UUID(int=1), 1)}"
    assert AccessTokens(KEY, ISSUER).verify(token).client_id == UUID(int=1)


def test_a_verified_token_is_not_remembered_beyond_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    tokens = AccessTokens(KEY, ISSUER)
    token = f"Bearer {tokens.issue(UUID(int=1), 1)}"
    assert tokens.verify(token).client_id == UUID(int=1)
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Exception, match="expired"):
        tokens.verify(token)
