"""A customer's account: what contracts, sites, contacts and registrations hang on."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from libs.events import values
from libs.events.values import Language
from libs.kit.names import Named
from libs.kit.problems import NotOfThisAccount
from libs.store import Entity, Transaction
from libs.store.entity import spoken

E = TypeVar("E", bound=Entity)


class Account(
    Named, Entity, table="accounts", indexes=(("country", "id"), ("sort_key", "id"), ("country", "sort_key", "id"))
):
    """The days of its contracts and licences are counted in its time zone.

    Locking it orders what is decided about its cases: its own thing first, then the account, then its case files.
    """

    name: str
    country: str
    time_zone: str
    language: Language
    created_at: datetime

    @property
    def account_id(self) -> UUID:
        """Its own id, so that an account is read as what hangs on it is."""
        return self.id

    def facts(self) -> values.Account:
        """What events say of it."""
        return values.Account(id=self.id, name=self.name)


async def must_be_of_account(cls: type[E], id: UUID | None, account_id: UUID, tx: Transaction) -> None:
    """Raises NotOfThisAccount when the thing that was named is another account's, is not there at all, or has left."""
    if id and not is_of_account(await cls.find(id, tx), account_id):
        raise not_of_account(spoken(cls), id)


def is_of_account(found: Any, account_id: UUID) -> bool:
    """A site, contact or contract that something of the account may name: none who has left."""
    return found is not None and found.account_id == account_id and getattr(found, "active", True)


def not_of_account(kind: str, id: UUID) -> NotOfThisAccount:
    """The refusal of a `kind` (site, contact, contract) that the account does not have."""
    return NotOfThisAccount(f"The account has no {kind} {id}.", **{f"{kind}_id": str(id)})
