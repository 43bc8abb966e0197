"""The unit of work over PostgreSQL: entities, transactions, the outbox they fill, tenancy."""

from libs.store.database import Database
from libs.store.entity import Entity
from libs.store.errors import EmitRefused, NotFound, StaleRevision
from libs.store.transaction import Cause, Scope, Transaction

__all__ = ["Cause", "Database", "EmitRefused", "Entity", "NotFound", "Scope", "StaleRevision", "Transaction"]
