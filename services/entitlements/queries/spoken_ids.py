"""What a table names by its name: a site, a contact, a contract or an account, by the id that it has here."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from libs.kit.names import LONGEST
from libs.kit.text import sort_key
from libs.store import Transaction
from libs.tables.taking import Cells
from services.entitlements.model.account import Account
from services.entitlements.model.contact import Contact
from services.entitlements.model.contract import Contract
from services.entitlements.model.site import Site

Ids = Mapping[str, Sequence[UUID]]


def spoken(name: str) -> str:
    """A name or address as it is compared: letter case and blanks tell nobody apart."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def is_id(text: object) -> bool:
    """Whether it is written as an id is."""
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True


async def name_ids(rows: Iterable[Cells], account_id: UUID, tx: Transaction) -> dict[int, str]:
    """Puts ids where these rows name a site, contact or contract of the account; what is wrong, by the place of the row."""
    rows, wrong = list(rows), dict[int, str]()
    for column, known in _KNOWN.items():
        named = {place: str(row[column]) for place, row in enumerate(rows) if column in row and not is_id(row[column])}
        if not named:
            continue
        ids = await known(account_id, tx)
        for place, name in named.items():
            found = ids.get(spoken(name), ())
            if len(found) == 1:
                rows[place][column] = str(found[0])
            else:
                wrong.setdefault(place, _none_or_several(column.removesuffix("_id"), name, len(found)))
    return wrong


async def accounts_named(names: Iterable[str], tx: Transaction) -> Ids:
    """The accounts of these names, as they are written."""
    keys = {sort_key(name)[:LONGEST] for name in names}
    found = await tx.select(Account, Account.c.sort_key.in_(keys)) if keys else []
    return _by((each.name, each.id) for each in found)


def _none_or_several(kind: str, name: str, found: int) -> str:
    several = f"{found} {kind}s of the account are called {name[:100]!r}: name it by its id."
    return f"{kind}_id: " + (several if found else f"the account has no {kind} called {name[:100]!r}.")


async def _sites(account_id: UUID, tx: Transaction) -> Ids:
    return _by((each.name, each.id) for each in await tx.select(Site, Site.c.account_id == account_id))


async def _contacts(account_id: UUID, tx: Transaction) -> Ids:
    found = await tx.select(Contact, Contact.c.account_id == account_id, Contact.c.active)
    return _by((name, each.id) for each in found for name in (each.name, each.email))


async def _contracts(account_id: UUID, tx: Transaction) -> Ids:
    return _by((each.number, each.id) for each in await tx.select(Contract, Contract.c.account_id == account_id))


def _by(named: Iterable[tuple[str | None, UUID]]) -> Ids:
    ids: dict[str, list[UUID]] = {}
    for name, id in named:
        if name and id not in ids.setdefault(spoken(name), []):
            ids[spoken(name)].append(id)
    return ids


_KNOWN: dict[str, Callable[[UUID, Transaction], Any]] = {
    "site_id": _sites,
    "contact_id": _contacts,
    "contract_id": _contracts,
}
