"""Signed webhooks, the receiver's side: Standard Webhooks 1.0.0, symmetric (`v1`), https://www.standardwebhooks.com.

A route takes `sent: Webhook` and calls `sent.verify(secrets)` before it believes a word.
"""

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader

from libs.kit.fields import Storable
from libs.kit.problems import Unauthenticated, Unavailable

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_SCHEME = APIKeyHeader(
    name="webhook-signature",
    scheme_name="webhookSignature",
    auto_error=False,
    description="Standard Webhooks 1.0.0: `v1,` and the HMAC-SHA256, in base64, of `<webhook-id>.<webhook-timestamp>.<body>`.",
)
"""What the document says of it; `Signed.verify` is what asks for it."""


@dataclass(frozen=True)
class Signed:
    """A message as it came: its three headers and its very bytes."""

    id: str
    timestamp: str
    signatures: str  # `v1,<base64>`, several with spaces between them while the sender's secret rotates
    body: bytes

    def verify(self, secrets: str, *, now: float | None = None) -> None:
        """`secrets`: one `whsec_…`, or several with spaces between them while ours rotates. `now`: real time, not the sandbox's.

        Raises Unauthenticated; Unavailable for a secret of ours that is none, so that the sender tries again.
        """
        keys = [_key(secret) for secret in secrets.split()]
        if not keys:
            raise Unavailable("No notice can be heard: the webhook secret is not set.")
        if "." in self.id:  # or the same signed bytes could be read as another id and timestamp
            raise Unauthenticated("The notice's id holds a full stop.")
        self._in_time(time.time() if now is None else now)
        signed = f"{self.id}.{self.timestamp}.".encode() + self.body
        expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
        given = [
            value.encode()
            for version, _, value in (s.partition(",") for s in self.signatures.split())
            if version == "v1"
        ]
        if not any(hmac.compare_digest(one, other) for one in expected for other in given):
            raise Unauthenticated("The notice's signature does not match.")

    def _in_time(self, now: float) -> None:
        try:
            sent_at = int(self.timestamp)
        except ValueError:
            raise Unauthenticated("The notice's timestamp is not readable.") from None
        if abs(now - sent_at) > TOLERANCE_SECONDS:
            raise Unauthenticated("The notice's timestamp is more than five minutes away from now.")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:  # with an empty key anybody could sign
        raise Unavailable("No notice can be heard: a webhook secret is not `whsec_` and base64.")
    return key


async def _signed(
    request: Request,
    webhook_id: Annotated[str, Storable, Header(min_length=1, max_length=255)],
    webhook_timestamp: Annotated[str, Storable, Header(max_length=20)],
    webhook_signature: Annotated[str, Storable, Header(max_length=2000)],
    _: Annotated[str | None, Security(_SCHEME)],
) -> Signed:
    return Signed(webhook_id, webhook_timestamp, webhook_signature, await request.body())


Webhook = Annotated[Signed, Depends(_signed)]
