"""Many OpenAPI documents as one: no operation and no component of one service is taken for another's."""

import copy
from collections.abc import Iterator, Mapping

from services.gateway import routes
from services.gateway.documents.components import Document, finish, references, renamed, tidied
from services.gateway.documents.problem_types import TYPES

_VERBS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_INFO = {
    "title": "Poly+",
    "version": "1",
    "description": "The support contract's API, all services in one. Errors are problems (RFC 9457) in the language of "
    "Accept-Language (en, vi); /v1/problem-types lists them. Every POST that changes something carries an Idempotency-Key: the same "
    "key gives the same answer. PATCH and PUT carry If-Match. A list is `{items, next_cursor}`. Instants are UTC (RFC 3339); "
    "`x-unit` is what a number counts, `x-roles` who may call. HEAD works where GET does, and OPTIONS says what a path takes.",
}
_PROBLEM: Document = {
    "description": "What went wrong, and what is possible now (RFC 9457); some kinds have members of their own.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "The kind, by which a program tells it; see /v1/problem-types.",
            "x-problem-types": [each.type for each in TYPES.values()],
        },
        "title": {"type": "string", "description": "The same for every problem of a kind."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What went wrong this time; in Vietnamese, what its kind means."},
        "detail_en": {
            "type": "string",
            "description": "With a `detail` in Vietnamese: what went wrong this time, in English.",
        },
        "possible": {"type": "array", "items": {}, "description": "What can be done in this state."},
        "errors": {
            "type": "array",
            "description": "The places of the request that do not fit; twenty at most.",
            "items": {"$ref": "#/components/schemas/ProblemPlace"},
        },
        "errors_in_all": {"type": "integer", "minimum": 0},
    },
    "examples": [
        {
            "type": TYPES["no-such-queue"].type,
            "title": TYPES["no-such-queue"].title,
            "status": TYPES["no-such-queue"].status,
            "detail": TYPES["no-such-queue"].text,
        },
    ],
}
_PROBLEM_PLACE: Document = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("pointer", "in", "detail")},
}
_PARAMETERS: Document = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "The same key and request give the same answer, and one effect.",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": "The ETag that was read, so that nobody's change is lost.",
    },
}
_HEADERS: Document = {
    name: {"description": description, "schema": schema}
    for name, description, schema in (
        ("ETag", "The revision of what the answer is about; for If-Match.", {"type": "string"}),
        ("Location", "Where what was made can be read.", {"type": "string", "format": "uri-reference"}),
        (
            "Idempotent-Replayed",
            "There when this is the answer to an earlier request of the same key.",
            {"const": "true"},
        ),
        ("RateLimit", "What is left: draft-ietf-httpapi-ratelimit-headers-10.", {"type": "string"}),
        ("X-Request-Id", "Names this request in our logs.", {"type": "string", "pattern": "^[0-9a-f]{24}$"}),
        ("Content-Language", "Of title and detail.", {"type": "string", "enum": ["en", "vi"]}),
        ("Retry-After", "In seconds; with 429 and 503.", {"type": "integer", "format": "int32", "minimum": 0}),
    )
}
_ON_ALL = ("RateLimit", "X-Request-Id")


def merged(documents: Mapping[str, Document], token_url: str) -> Document:
    """One OpenAPI 3.1 document, by service in the order given; a service says only what its paths at the gateway are."""
    paths: Document = {}
    schemas: Document = {"Problem": copy.deepcopy(_PROBLEM), "ProblemPlace": copy.deepcopy(_PROBLEM_PLACE)}
    schemes: Document = {
        "oauth2": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}}
    }
    operation_ids: set[str] = set()
    for service, original in documents.items():
        document = _told_apart(tidied(copy.deepcopy(original)), service, schemas)
        schemas.update(document.get("components", {}).get("schemas", {}))
        schemes.update(document.get("components", {}).get("securitySchemes", {}))
        for path, item in document.get("paths", {}).items():
            if not path.startswith("/v1/") or routes.owner(path) in (service, routes.STREAM):
                paths[path] = item
                for verb, operation in _operations(item):
                    _complete(operation, path, verb, service, operation_ids)
    finish(schemas, paths)
    problem = {
        "description": "A problem.",
        "headers": _named(*_ON_ALL, "Content-Language", "Retry-After"),
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"oauth2": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "responses": {"Problem": problem},
            "securitySchemes": schemes,
        },
    }


def _operations(item: Document) -> Iterator[tuple[str, Document]]:
    return ((verb, operation) for verb, operation in item.items() if verb in _VERBS)


def _complete(operation: Document, path: str, verb: str, service: str, taken: set[str]) -> None:
    """What holds for all routes and no service's document says."""
    name = operation.get("operationId") or f"{service}_{verb}"
    operation["operationId"] = name if name not in taken else _free(f"{service}_{name}", taken)
    taken.add(operation["operationId"])
    operation["tags"] = operation.get("tags") or [service]
    needed = {"post": "IdempotencyKey", "put": "IfMatch", "patch": "IfMatch"}.get(verb)
    by_token = "security" not in operation
    if needed and by_token:
        operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{needed}"})
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # FastAPI's own shape, which nothing here sends
    for status, response in responses.items():
        if status.startswith("2"):
            about = ("ETag",) if "{" in path or status == "201" else ()
            made = ("Location",) if status == "201" else ()
            replayed = ("Idempotent-Replayed",) if needed == "IdempotencyKey" and by_token else ()
            response["headers"] = _named(*_ON_ALL, *about, *made, *replayed)
    for statuses in ("4XX", "5XX"):
        responses.setdefault(statuses, {"$ref": "#/components/responses/Problem"})


def _named(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _told_apart(document: Document, service: str, taken: Document) -> Document:
    """The document with the service's name before those of its schemas that another one uses for something else."""
    schemas = document.get("components", {}).get("schemas", {})
    alike = {name.lower(): name for name in taken}
    clashing = {
        name
        for name, schema in schemas.items()
        if (other := alike.get(name.lower())) and (other != name or taken[other] != schema)
    }
    while (
        more := {name for name in schemas if name in taken and not clashing.isdisjoint(references(schemas[name]))}
        - clashing
    ):
        clashing |= more  # the same words, that mean something else
    everything = {*schemas, *taken}
    return renamed(document, {name: _free(f"{service.capitalize()}{name}", everything) for name in sorted(clashing)})


def _free(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found.lower() in {each.lower() for each in taken}:
        number += 1
        found = f"{name}{number}"
    return found
