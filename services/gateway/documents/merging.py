"""Many OpenAPI documents as one: no operation and no component of one service is taken for another's."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from services.gateway import routes

Document = dict[str, Any]
_SCHEMAS = "#/components/schemas/"
_VERBS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_INFO = {
    "title": "Poly+",
    "version": "1",
    "description": "The support contract's API, all services in one. Errors are problems (RFC 9457). "
    "Every POST that changes something carries an Idempotency-Key: the same key gives the same answer. "
    "PATCH and PUT carry If-Match. A list is `{items, next_cursor}`.",
}
_PROBLEM: Document = {
    "title": "Problem",
    "description": "What went wrong, and what is possible now (RFC 9457); some kinds have members of their own.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_PARAMETERS: Document = {
    "IdempotencyKey": {
        "name": "Idempotency-Key", "in": "header", "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "The same key and request give the same answer, and one effect.",
    },
    "IfMatch": {
        "name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"},
        "description": "The ETag that was read, so that nobody's change is lost.",
    },
}  # fmt: skip


def merged(documents: Mapping[str, Document], token_url: str) -> Document:
    """One OpenAPI 3.1 document, by service in the order given; a service says only what its paths at the gateway are."""
    paths: Document = {}
    schemas: Document = {"Problem": _PROBLEM}
    operation_ids: set[str] = set()
    for service, original in documents.items():
        document = _renamed(copy.deepcopy(original), service, schemas)
        schemas.update(document.get("components", {}).get("schemas", {}))
        for path, item in document.get("paths", {}).items():
            if not path.startswith("/v1/") or routes.owner(path) in (service, routes.STREAM):
                paths[path] = item
                for verb, operation in _operations(item):
                    _complete(operation, verb, service, operation_ids)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"oauth2": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "parameters": _PARAMETERS,
            "responses": {
                "Problem": {
                    "description": "A problem.",
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
            "securitySchemes": {
                "oauth2": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}}
            },
        },
    }


def _operations(item: Document) -> Iterator[tuple[str, Document]]:
    return ((verb, operation) for verb, operation in item.items() if verb in _VERBS)


def _complete(operation: Document, verb: str, service: str, taken: set[str]) -> None:
    """What holds for all routes and no service's document says."""
    name = operation.get("operationId") or f"{service}_{verb}"
    operation["operationId"] = name if name not in taken else _free(f"{service}_{name}", taken)
    taken.add(operation["operationId"])
    operation["tags"] = operation.get("tags") or [service]
    public = operation.get("security") == []
    needed = {"post": "IdempotencyKey", "put": "IfMatch", "patch": "IfMatch"}.get(verb)
    if needed and not public:
        operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{needed}"})
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # FastAPI's own shape, which nothing here sends
    for statuses in ("4XX", "5XX"):
        responses.setdefault(statuses, {"$ref": "#/components/responses/Problem"})


def _renamed(document: Document, service: str, taken: Document) -> Document:
    """The document with the service's name before those of its schemas that another one uses for something else."""
    schemas = document.get("components", {}).get("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    clashing = {name for name, schema in schemas.items() if name in taken and taken[name] != schema}
    while (
        more := {name for name in schemas if name in taken and not clashing.isdisjoint(_references(schemas[name]))}
        - clashing
    ):
        clashing |= more  # the same words, that mean something else
    if not clashing:
        return document
    new_names = {name: _free(f"{service.capitalize()}{name}", set(schemas) | set(taken)) for name in clashing}
    document["components"]["schemas"] = {new_names.get(name, name): schema for name, schema in schemas.items()}
    references = {_SCHEMAS + name: _SCHEMAS + new for name, new in new_names.items()}
    return _replaced(document, references)  # type: ignore[no-any-return]


def _references(node: Any) -> Iterator[str]:
    """The names of the schemas that this one is made of."""
    match node:
        case dict():
            for each in node.values():
                yield from _references(each)
        case list():
            for each in node:
                yield from _references(each)
        case str() if node.startswith(_SCHEMAS):
            yield node.removeprefix(_SCHEMAS)


def _replaced(node: Any, references: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {name: _replaced(each, references) for name, each in node.items()}
        case list():
            return [_replaced(each, references) for each in node]
        case str():
            return references.get(node, node)
    return node


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
