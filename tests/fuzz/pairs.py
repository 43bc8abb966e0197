"""Every route as every role, in ten slices that differ by seed and together are all."""

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema

from deploy.local.environment import ROLES

SLICES = 10
NOBODY = "nobody"
"""Who shows no token."""
CALLERS = (*ROLES, NOBODY)

Route = APIOperation[Any, Any, Any, Any]


def all_routes(schema: BaseSchema) -> list[Route]:
    """In an order that does not depend on the document's. Raises what makes a route of the document unusable."""
    routes = []
    for found in schema.get_all_operations():
        if not isinstance(found, Ok):
            raise found.err()
        routes.append(found.ok())
    return sorted(routes, key=lambda route: route.label)


def slice_of(routes: Iterable[Route], seed: int) -> Sequence[Route]:
    """A tenth of them; ten seeds in a row take all."""
    return [route for route in routes if crc32(route.label.encode()) % SLICES == seed % SLICES]
