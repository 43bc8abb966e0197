"""The unit of work over PostgreSQL: entities, transactions, the outbox they fill, tenancy."""

from libs.store.compiled import Compiled, given
from libs.store.context import Cause, Once, Scope
from libs.store.database import Database
from libs.store.entity import Entity, UpdatedAt
from libs.store.errors import EmitRefused, NotFound, StaleRevision
from libs.store.reference import Reference
from libs.store.transaction import Transaction, next_value

__all__ = [
    "Cause",
    "Compiled",
    "Database",
    "EmitRefused",
    "Entity",
    "NotFound",
    "Once",
    "Reference",
    "Scope",
    "StaleRevision",
    "Transaction",
    "UpdatedAt",
    "given",
    "next_value",
]
