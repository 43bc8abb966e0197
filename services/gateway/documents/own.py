"""The gateway's own routes that no FastAPI route describes: tokens and the stream."""

from typing import Any

from libs.kit.auth import CASE_READERS
from services.gateway.documents.components import SCHEMAS, Document

_SCHEMAS: Document = {
    "AccessToken": {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {
            "access_token": {"type": "string"},
            "token_type": {"type": "string", "const": "Bearer"},
            "expires_in": {"type": "integer", "x-unit": "seconds"},
        },
    },
    "TokenRefusal": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    },
    "TokenRequest": {
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {"type": "string", "const": "client_credentials"},
            "client_id": {"type": "string"},
            "client_secret": {"type": "string"},
        },
    },
}
"""Each has a name of its own: generators of clients make names up for what has none."""


def with_own_routes(clients: Document) -> Document:
    """The description of the clients' API with that of the routes beside it."""
    paths = {**clients.get("paths", {}), "/oauth/token": {"post": _token()}, "/v1/events/stream": {"get": _stream()}}
    components = clients.get("components", {})
    schemas = {**components.get("schemas", {}), **_SCHEMAS}
    return {**clients, "paths": paths, "components": {**components, "schemas": schemas}}


def _of(schema: str) -> Document:
    return {"schema": {"$ref": f"{SCHEMAS}{schema}"}}


def _token() -> Document:
    form = {"application/x-www-form-urlencoded": _of("TokenRequest")}
    error = {"description": "RFC 6749, section 5.2.", "content": {"application/json": _of("TokenRefusal")}}
    return {
        "operationId": "issue_token",
        "summary": "A client's credentials for an access token",
        "description": "RFC 6749, section 4.4; the credentials by HTTP Basic or in the form.",
        "tags": ["tokens"],
        "security": [],
        "requestBody": {"required": True, "content": form},
        "responses": {
            "200": {"description": "The token.", "content": {"application/json": _of("AccessToken")}},
            "4XX": error,
        },
    }


def _stream() -> Document:
    def query(name: str, description: str, schema: dict[str, Any]) -> Document:
        return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}

    return {
        "operationId": "stream_events",
        "x-roles": sorted(CASE_READERS),
        "summary": "Events as they happen",
        "description": "Server-sent events: `event` is the type, `id` the place in the stream, `data` a CloudEvent as JSON. "
        "`event: dropped` ends the stream of a listener that is too slow or may not listen any more. "
        "`event: health` says, without an id, when what feeds the stream is in trouble (`status`: behind, degraded, halted, away) and "
        "when it is well again (ok).",
        "tags": ["events"],
        "parameters": [
            query(
                "type",
                "types, or what they begin with; the name of an older version stands for the newest",
                {"type": "array", "items": {"type": "string"}},
            ),
            query("case_id", "of one case", {"type": "string", "format": "uuid"}),
            query("account_id", "of one account", {"type": "string", "format": "uuid"}),
            query("last_event_id", "as the header Last-Event-ID", {"type": "integer", "minimum": 0}),
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "schema": {"type": "integer", "minimum": 0},
                "description": "go on after this place",
            },
        ],
        "responses": {
            "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
        },
    }
