"""The OpenAPI documents as they are served: each service's own, and the one of them all at the gateway. Nothing has to run."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from deploy.services import SERVICES
from services.gateway.documents.merging import merged
from services.gateway.documents.own import with_own_routes
from tests.support.lists import document
from tests.support.services import service

Document = dict[str, Any]
VERBS = ("get", "put", "post", "patch", "delete")


@cache
def document_of(name: str) -> Document:
    """What a service says of itself."""
    return document(service(name))


@cache
def whole_document() -> Document:
    """What the gateway says of them all."""
    others = {name: document_of(name) for name in SERVICES if name != "gateway"}
    return merged({"gateway": with_own_routes(document_of("gateway")), **others}, "http://127.0.0.1:8080/oauth/token")


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """(verb, path, operation) of each."""
    for path, item in document["paths"].items():
        for verb in VERBS:
            if verb in item:
                yield verb, path, item[verb]
