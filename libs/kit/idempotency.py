"""Idempotency-Key, kept by the service in the command's own transaction (draft-ietf-httpapi-idempotency-key-header).

Same key and request: the stored bytes again. Another request under the key: 422. Still in flight: 409.
"""

import hashlib
from dataclasses import dataclass

import pydantic_core
from fastapi import Request, Response

from libs.kit.auth import Principal
from libs.kit.problems import BadRequest, Conflict, Unprocessable
from libs.store import Once, Transaction
from libs.store.flush import Statement
from libs.store.runtime import columns

MAX_KEY = 255
_KEPT_HEADERS = ("content-type", "etag", "location")


class IdempotencyKeyMissing(BadRequest):
    title = "Idempotency-Key is required"


class IdempotencyKeyReused(Unprocessable):
    title = "Idempotency-Key was used for another request"


class RequestInFlight(Conflict):
    title = "The same request is still being worked on"


@dataclass(frozen=True)
class Attempt:
    """One request under its key."""

    principal: str
    route: str
    key: str
    digest: bytes

    @classmethod
    def of(cls, request: Request, principal: Principal, route: str, body: bytes) -> "Attempt":
        """Raises IdempotencyKeyMissing."""
        key = request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= MAX_KEY:
            raise IdempotencyKeyMissing(
                f"Send an Idempotency-Key of 1 to {MAX_KEY} characters with every POST that changes something."
            )
        kind, _, boundary = request.headers.get("content-type", "").partition("boundary=")
        if kind.startswith("multipart/"):  # which a client makes anew for each attempt
            body = body.replace(boundary.partition(";")[0].strip('" ').encode(), b"-")
        digest = hashlib.sha256(f"{request.url.path}?{request.url.query}\n".encode() + body).digest()
        return cls(str(principal.id), f"{request.method} {route}", key, digest)

    @property
    def once(self) -> Once:
        """What its transaction begins with: the lock on it, then the look-up, or an answer stored in between is missed."""
        return Once(self.principal, self.route, self.key)

    def earlier_answer(self, tx: Transaction) -> Response | None:
        """The stored answer. Raises RequestInFlight or IdempotencyKeyReused."""
        found = tx.started
        if found["status"] is None:
            if not found["alone"]:
                raise RequestInFlight("Wait for the first attempt to end, then ask again.")
            return None
        if found["request_hash"] != self.digest:
            raise IdempotencyKeyReused("This key belongs to a request with another path or body; use a new key.")
        headers = {**pydantic_core.from_json(found["headers"]), "idempotent-replayed": "true"}
        return Response(found["body"], found["status"], headers)

    def keep(self, tx: Transaction, response: Response) -> None:
        """Stores the answer with the command's own changes."""
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        row = (self.principal, self.route, self.key, self.digest, response.status_code,
               pydantic_core.to_json(headers).decode(), bytes(response.body))  # fmt: skip
        tx.write_with(Statement.insert("idempotency_keys", columns.IDEMPOTENCY_KEYS, [row]))
