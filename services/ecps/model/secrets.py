"""What a partner gave us to sign in with: encrypted at rest, readable by the connectors only."""

import json
from typing import Annotated, Self

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from libs.kit.fields import Short, Url, storable
from libs.kit.settings import setting


def _storable(secret: SecretStr) -> SecretStr:
    storable(secret.get_secret_value())
    return secret


Secret = Annotated[SecretStr, Field(max_length=10_000), AfterValidator(_storable)]


class Credentials(BaseModel):
    """A bearer token; or a user name and password; or a client that gets its tokens at `token_url` (OAuth 2.0 client credentials). The
    webhook secret (`whsec_…`) is the partner's own, if it has one.

    While it rotates, `webhook_secret` holds the old and the new one with a space between them.
    """

    model_config = ConfigDict(extra="forbid")

    token: Secret | None = None
    username: Short | None = None
    password: Secret | None = None
    token_url: Url | None = None
    client_id: Short | None = None
    client_secret: Secret | None = None
    scope: Short | None = None
    webhook_secret: Secret | None = None

    @model_validator(mode="after")
    def _of_a_client(self) -> Self:
        given = (self.token_url, self.client_id, self.client_secret)
        if any(given) and not all(given):
            raise ValueError("token_url, client_id and client_secret belong together")
        return self


def _fernet() -> Fernet:
    return Fernet(setting("ECPS_ENCRYPTION_KEY"))


def seal(credentials: Credentials) -> str:
    """The credentials as rows and jobs hold them."""
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in credentials
        if value is not None
    }
    return _fernet().encrypt(json.dumps(plain).encode()).decode()


def unseal(sealed: str | None) -> Credentials:
    """The credentials again; none are as good as empty ones."""
    if sealed is None:
        return Credentials()
    return Credentials.model_validate_json(_fernet().decrypt(sealed.encode()))
