"""`POST /oauth/token`: RFC 6749, client credentials (section 4.4), and what describes it (RFC 8414)."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from libs.kit.problems import TooManyRequests
from libs.kit.proxies import household
from libs.store import Database
from services.gateway.door.limits import Buckets
from services.gateway.identity.access_tokens import LIFETIME_SECONDS, AccessTokens
from services.gateway.identity.keys import SigningKey
from services.gateway.use_cases.issue_token import issue_token

_MAX_BODY = 8 * 1024
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_BASIC = {"WWW-Authenticate": 'Basic realm="polyplus", charset="UTF-8"'}


class OAuthError(Exception):
    """An error of section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(description)
        self.error, self.description, self.status, self.headers = error, description, status, headers or {}

    def answer(self) -> JSONResponse:
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, {**_NO_STORE, **self.headers})


@dataclass(frozen=True)
class Credentials:
    client_id: str
    secret: str


class TokenEndpoint:
    """One address may ask for 10 tokens a second, and for one client two; a burst of 100 and of 30 passes."""

    def __init__(self, database: Database, tokens: AccessTokens) -> None:
        self._database, self._tokens, self._buckets = database, tokens, Buckets()

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            credentials = _credentials(request, await _form(request))
            self._limit(request, credentials)
        except OAuthError as error:
            return error.answer()
        token = await issue_token(credentials.client_id, credentials.secret, self._database, self._tokens)
        if token is None:
            return OAuthError("invalid_client", "The client's credentials are not valid.", 401, _BASIC).answer()
        return JSONResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_SECONDS}, headers=_NO_STORE
        )

    def _limit(self, request: Request, credentials: Credentials) -> None:
        address = household(request.client.host) if request.client else ""
        try:
            self._buckets.take(address, rate=10, burst=100)
            self._buckets.take((address, credentials.client_id), rate=2, burst=30)
        except TooManyRequests as refusal:
            raise OAuthError("temporarily_unavailable", refusal.detail, 429, refusal.headers) from None


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send application/x-www-form-urlencoded.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise OAuthError("invalid_request", f"At most {_MAX_BODY} bytes.", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "The form cannot be read.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once.")
    return form


def _credentials(request: Request, form: dict[str, str]) -> Credentials:
    """By HTTP Basic or in the form, never both; section 2.3.1."""
    match form.get("grant_type"):
        case None | "":
            raise OAuthError("invalid_request", "grant_type is missing.")
        case "client_credentials":
            pass
        case _:
            raise OAuthError("unsupported_grant_type", "Only client_credentials is supported.")
    if form.get("scope"):
        raise OAuthError("invalid_scope", "There are no scopes; a client's role says what it may do.")
    header = request.headers.get("authorization")
    if header is not None:
        if "client_secret" in form:
            raise OAuthError("invalid_request", "Send the credentials one way only.")
        return _basic(header)
    if not form.get("client_id") or not form.get("client_secret"):
        raise OAuthError("invalid_client", "Send the client's credentials by HTTP Basic or in the form.", 401, _BASIC)
    return Credentials(form["client_id"], form["client_secret"])


def _basic(header: str) -> Credentials:
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (ValueError, binascii.Error):
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "The Authorization header is not HTTP Basic.", 401, _BASIC)
    return Credentials(unquote_plus(client_id), unquote_plus(secret))


def oauth_router(endpoint: TokenEndpoint, key: SigningKey, issuer: str) -> APIRouter:
    """The token endpoint and its two descriptions."""
    router = APIRouter()
    router.add_api_route("/oauth/token", endpoint.__call__, methods=["POST"], response_model=None)

    @router.api_route("/.well-known/jwks.json", methods=["GET", "HEAD"])
    async def jwks() -> dict[str, list[dict[str, str]]]:
        return key.jwks

    @router.api_route("/.well-known/oauth-authorization-server", methods=["GET", "HEAD"])
    async def metadata() -> dict[str, object]:
        return {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth/token",
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "service_documentation": f"{issuer}/docs",
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    return router
