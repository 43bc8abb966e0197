import base64
import hashlib
import hmac
import time
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from libs.kit import problems
from libs.kit.problems import Unauthenticated, Unavailable
from libs.kit.webhooks import Signed, Webhook

# The vector of the reference libraries of Standard Webhooks.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = 1614265330
SENT = Signed(
    "msg_p5jXN8AQM9LWM0D4loKWxJek", str(AT), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", b'{"test": 2432232314}'
)
# The specification's example of signed content and of a list of signatures; it tells no secret, so that its `v1` is another's.
ANOTHERS = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
ASYMMETRIC = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
CONTACT = b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()


def sign(sent: Signed, secret: str = SECRET, version: str = "v1") -> Signed:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{sent.id}.{sent.timestamp}.".encode() + sent.body, hashlib.sha256)
    return replace(sent, signatures=f"{version},{base64.b64encode(digest).decode()}")


def test_the_reference_vector_verifies() -> None:
    SENT.verify(SECRET, now=AT)
    SENT.verify(SECRET.removeprefix("whsec_"), now=AT)


def test_the_specifications_example_verifies_among_other_signatures() -> None:
    ours = "v1,ARw42xaAApl/nxRo+iPGYwSaMQaOwMo2eyH5JBRA+bQ="
    sent = Signed("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "1674087231", f"{ANOTHERS} {ASYMMETRIC} {ours}", CONTACT)
    sent.verify(SECRET, now=1674087231)
    with pytest.raises(Unauthenticated, match="signature"):
        replace(sent, signatures=f"{ANOTHERS} {ASYMMETRIC}").verify(SECRET, now=1674087231)


@pytest.mark.parametrize("secrets", [f"{OTHER} {SECRET}", f"{SECRET} {OTHER}", f" {SECRET}\n"])
def test_while_a_secret_rotates_the_old_and_the_new_one_count(secrets: str) -> None:
    SENT.verify(secrets, now=AT)
    replace(SENT, signatures=f"{ANOTHERS} {SENT.signatures}").verify(secrets, now=AT)


@pytest.mark.parametrize("away", [-300, 0, 300])
def test_five_minutes_of_real_time_are_tolerated_either_way(away: int) -> None:
    SENT.verify(SECRET, now=AT + away)


def test_the_time_is_the_real_one_unless_it_is_given() -> None:
    sign(replace(SENT, timestamp=str(int(time.time())))).verify(SECRET)
    with pytest.raises(Unauthenticated, match="five minutes"):
        SENT.verify(SECRET)


@pytest.mark.parametrize(
    "forged",
    [
        replace(SENT, body=b'{"test": 2432232315}'),
        replace(SENT, id="msg_another"),
        sign(SENT, OTHER),
        sign(SENT, version="v1a"),
        sign(SENT, version="v2"),
        sign(replace(SENT, timestamp=str(AT - 301))),
        sign(replace(SENT, timestamp=str(AT + 301))),
        sign(replace(SENT, timestamp="yesterday")),
        sign(replace(SENT, timestamp=f"{AT}.0")),
        sign(replace(SENT, id="msg.1")),
        replace(sign(SENT), signatures=sign(SENT).signatures.removeprefix("v1,")),
        replace(SENT, signatures=""),
        replace(SENT, signatures="v1,"),
        replace(SENT, signatures="v1,é"),
    ],
)
def test_what_is_not_signed_so_is_nobodys_word(forged: Signed) -> None:
    with pytest.raises(Unauthenticated):
        forged.verify(SECRET, now=AT)


@pytest.mark.parametrize("secrets", ["", " ", "whsec_", "whsec_*", f"{SECRET} whsec_"])
def test_without_a_secret_that_is_one_nobody_is_heard_and_the_sender_tries_again(secrets: str) -> None:
    signed_with_nothing = replace(SENT, signatures=sign(SENT, "whsec_").signatures)
    with pytest.raises(Unavailable):
        signed_with_nothing.verify(secrets, now=AT)


async def test_a_route_gets_the_headers_and_the_bytes_as_they_came() -> None:
    app = FastAPI()
    problems.install(app)

    @app.post("/hook")
    async def hook(sent: Webhook, said: dict[str, int]) -> dict[str, int]:
        sent.verify(SECRET, now=AT)
        return said

    headers = {
        "webhook-id": SENT.id, "webhook-timestamp": SENT.timestamp, "webhook-signature": SENT.signatures,
        "content-type": "application/json",
    }  # fmt: skip
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        heard = await http.post("/hook", content=SENT.body, headers=headers)
        reserialised = await http.post("/hook", content=b'{"test":2432232314}', headers=headers)
        without = await http.post("/hook", content=SENT.body, headers={**headers, "webhook-id": ""})
    assert (heard.status_code, heard.json()) == (200, {"test": 2432232314})
    assert (reserialised.status_code, without.status_code) == (Unauthenticated.status, 422)
