"""What the commands of several use cases share: a partial change, things named that must be the account's."""

from typing import TypeVar
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.http import Command
from libs.store import Entity, Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.site import NotOfThisAccount
from services.entitlements.queries.access import shown

E = TypeVar("E", bound=Entity)


class Change(Command):
    """A PATCH: what is not sent stays."""

    def apply(self, entity: Entity) -> None:
        for name in self.model_fields_set:
            setattr(entity, name, getattr(self, name))


async def to_change(cls: type[E], id: UUID, caller: Principal, tx: Transaction) -> tuple[E, Account]:
    """The thing, then its account, both locked: the order that every command takes. Raises NotFound."""
    entity = await shown(cls, id, caller, tx, lock=True)
    return entity, await Account.get(entity.account_id, tx, lock=True)  # type: ignore[attr-defined]  # `shown` read it


async def check_of_account(cls: type[E], id: UUID | None, account_id: UUID, tx: Transaction) -> None:
    """Raises NotOfThisAccount when the thing that was named is not the account's, or is not there at all."""
    found = await cls.find(id, tx) if id else None
    if id and (found is None or found.account_id != account_id):  # type: ignore[attr-defined]
        kind = cls.__name__.lower()
        raise NotOfThisAccount(f"The account has no {kind} {id}.", **{f"{kind}_id": str(id)})
