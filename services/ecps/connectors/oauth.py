"""OAuth 2.0 client credentials (RFC 6749, 4.4): the token that a partner gives us, kept until shortly before it ends."""

import base64
import hashlib
import time
from urllib.parse import quote_plus, urlencode

import httpx

from libs.bus.jobs import retry_after
from libs.kit.outgoing import send
from services.ecps.connectors.outcomes import CredentialsRefused, Unreachable
from services.ecps.model.secrets import Credentials

_UNLESS_TOLD_SECONDS = 300.0
_BEFORE_ITS_END_SECONDS = 30.0
_tokens: dict[tuple[str, ...], tuple[str, float]] = {}


async def bearer(http: httpx.AsyncClient, credentials: Credentials) -> str | None:
    """The token; None where these credentials ask for none. Raises CredentialsRefused, Unreachable, AddressRefused, OSError."""
    key = _key(credentials)
    if key is None:
        return None
    token, until = _tokens.get(key, ("", 0.0))
    if time.monotonic() >= until:
        token, seconds = await _ask(http, credentials)
        _tokens[key] = token, time.monotonic() + seconds - min(_BEFORE_ITS_END_SECONDS, seconds / 2)
    return token


def forget_bearer(credentials: Credentials) -> None:
    """It is not taken any more: the next call asks for another one."""
    if key := _key(credentials):
        _tokens.pop(key, None)


def _key(credentials: Credentials) -> tuple[str, ...] | None:
    if not (credentials.token_url and credentials.client_id and credentials.client_secret):
        return None
    secret = hashlib.sha256(credentials.client_secret.get_secret_value().encode()).hexdigest()
    return credentials.token_url, credentials.client_id, secret, credentials.scope or ""


async def _ask(http: httpx.AsyncClient, credentials: Credentials) -> tuple[str, float]:
    assert credentials.token_url
    assert credentials.client_secret
    # Each part is encoded as in a form before it is joined (RFC 6749, 2.3.1).
    pair = f"{quote_plus(credentials.client_id or '')}:{quote_plus(credentials.client_secret.get_secret_value())}"
    headers = {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
    }
    form = {"grant_type": "client_credentials"} | ({"scope": credentials.scope} if credentials.scope else {})
    try:
        answer = await send(http, "POST", credentials.token_url, headers=headers, content=urlencode(form))
    except httpx.HTTPError as error:
        raise Unreachable(f"no token: {error!r}") from error
    if answer.status_code in (400, 401, 403):
        raise CredentialsRefused(f"no token: answered {answer.status_code}")
    if not answer.is_success:
        raise Unreachable(f"no token: answered {answer.status_code}", retry_after(answer))
    try:
        told = answer.json()
        return str(told["access_token"]), float(told.get("expires_in") or _UNLESS_TOLD_SECONDS)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreachable(f"answered {answer.status_code} without a token") from error
