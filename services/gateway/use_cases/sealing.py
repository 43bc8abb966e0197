"""Routes that answer with a secret: what is kept for a repeated request is encrypted, and the repetition is still the same bytes.

The id of what was made stands before it in clear, so that the answer is found when whom it names is forgotten.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from cryptography.fernet import Fernet
from fastapi import FastAPI, Request, Response

from libs.kit.forgetting import AnswerForgotten
from libs.kit.http import Router, ServiceRoute
from libs.kit.idempotency import Attempt
from libs.kit.settings import setting
from libs.store import Transaction
from services.gateway.identity.keys import SigningKey


@dataclass(frozen=True)
class SealedAttempt(Attempt):
    seal: Fernet

    def earlier_answer(self, tx: Transaction) -> Response | None:
        answer = super().earlier_answer(tx)
        if answer is None or answer.status_code == AnswerForgotten.status:
            return answer
        kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return Response(self.seal.decrypt(bytes(answer.body).rpartition(b" ")[2]), answer.status_code, kept)

    def keep(self, tx: Transaction, response: Response) -> None:
        said = bytes(response.body)
        sealed = f"{json.loads(said).get('id', '')} ".encode() + self.seal.encrypt(said)
        super().keep(tx, Response(sealed, response.status_code, dict(response.headers)))


class SealedRoute(ServiceRoute):
    async def attempt(self, request: Request) -> Attempt | None:
        plain = await super().attempt(request)
        return SealedAttempt(**vars(plain), seal=request.app.state.seal) if plain else None


def sealed_router(*, tags: list[str]) -> Router:
    """A router whose answers are kept encrypted."""
    router = Router(tags=tags)
    router.route_class = SealedRoute
    return router


async def take_seal(app: FastAPI) -> None:
    """The key is derived from the gateway's own, so that every gateway can repeat what another one answered."""
    key = SigningKey.read(setting("INTERNAL_PRIVATE_KEY")).derived("answers kept under an Idempotency-Key")
    app.state.seal = Fernet(urlsafe_b64encode(key))
