"""A customer's account: what contracts, sites, contacts and registrations hang on."""

from datetime import datetime
from uuid import UUID

from libs.events import values
from libs.events.values import Language
from libs.store import Entity


class Account(Entity, table="accounts", indexes=(("country", "id"),)):
    """Locking it orders what is decided about its cases: its own thing first, then the account, then its case files."""

    name: str
    country: str
    time_zone: str  # the days of contracts and licences are counted in it
    language: Language
    created_at: datetime

    @property
    def account_id(self) -> UUID:
        return self.id

    def facts(self) -> values.Account:
        return values.Account(id=self.id, name=self.name)
