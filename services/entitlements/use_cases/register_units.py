"""Registering units, one or many: each is checked against what its account has, and claims its serial (S16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.events.entitlements import registration_key
from libs.kit.fields import Line, ProductNumber, Serial
from libs.kit.http import Command
from libs.kit.problems import Problem
from libs.store import Transaction
from libs.store.ids import new_id
from services.entitlements.model.account import Account, is_of_account, not_of_account
from services.entitlements.model.contact import Contact
from services.entitlements.model.contract import Contract
from services.entitlements.model.product import Product, UnknownProduct
from services.entitlements.model.registration import (
    CannotBeRegistered,
    RegisteredSerial,
    Registration,
    RegistrationChange,
    claim,
    machine,
)
from services.entitlements.model.site import Site
from services.entitlements.reactions.tell_registered import tell_registered

_NAMED: dict[str, type[Site] | type[Contact] | type[Contract]] = {
    "site_id": Site,
    "contact_id": Contact,
    "contract_id": Contract,
}
_TAKEN = "This unit cannot be registered here. If it stands with you, our support will look into it."
_YOURS = "The account has registered this unit already."


class UnitToRegister(Command):
    product_number: ProductNumber
    serial: Serial
    hardware_revision: Line | None = None
    firmware: Line | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None
    contract_id: UUID | None = None


@dataclass(frozen=True)
class Known:
    """What the rows name, read once for all of them. `own`: the sites, contacts and contracts that are the account's."""

    products: dict[str, Product]
    own: set[UUID]

    def check(self, unit: UnitToRegister) -> Product:
        """The unit's model. Raises UnknownProduct, UnknownRevision, NotOfThisAccount."""
        product = self.products.get(unit.product_number)
        if product is None:
            raise UnknownProduct(
                f"{unit.product_number} is not a product number we know.", product_number=unit.product_number
            )
        product.check_revision(unit.hardware_revision)
        for name in _NAMED:
            id = getattr(unit, name)
            if id is not None and id not in self.own:
                raise not_of_account(name.removesuffix("_id"), id)
        return product


async def register_units(
    account_id: UUID, units: Sequence[UnitToRegister], tx: Transaction
) -> list[Registration | Problem]:
    """For each unit its registration, or why there is none, in their order. Raises NotFound for an account that is not there."""
    # Locked first: what is read before could have changed by then.
    account = await Account.get(account_id, tx, lock=True)
    known = await _known(account_id, units, tx)
    results: list[Registration | Problem] = []
    seen: set[UUID] = set()
    for unit in units:
        key = registration_key(unit.product_number, unit.serial)
        try:
            product = known.check(unit)
            if key in seen:
                raise CannotBeRegistered("This unit stands in the list twice.", registration_id=None)
            seen.add(key)
            results.append(_new(account, product, unit, tx))
        except Problem as refused:
            results.append(refused)
    wanted = [each for each in results if isinstance(each, Registration)]
    claimed = await claim(wanted, tx)
    for i, result in enumerate(results):
        if isinstance(result, Registration) and result.id not in claimed:
            results[i] = await _taken(result, tx)
    await tell_registered(account, [each for each in wanted if each.id in claimed], claimed, tx)
    return results


async def _known(account_id: UUID, units: Sequence[UnitToRegister], tx: Transaction) -> Known:
    products = await tx.select(Product, Product.c.product_number.in_({unit.product_number for unit in units}))
    own = set[UUID]()
    for name, cls in _NAMED.items():
        named = {id for unit in units if (id := getattr(unit, name)) is not None}
        own |= {each.id for each in await tx.find_many(cls, sorted(named)) if each and is_of_account(each, account_id)}
    return Known({product.product_number: product for product in products}, own)


def _new(account: Account, product: Product, unit: UnitToRegister, tx: Transaction) -> Registration:
    given = {name: getattr(unit, name) for name in UnitToRegister.model_fields}
    begun = RegistrationChange(state=machine.initial, at=tx.now, by=tx.scope.actor, account_id=account.id)
    return Registration(
        id=new_id(),
        account_id=account.id,
        family=product.family,
        model=product.model,
        state=machine.initial,
        history=[begun],
        created_at=tx.now,
        **given,
    )


async def _taken(wanted: Registration, tx: Transaction) -> CannotBeRegistered:
    held = await RegisteredSerial.find(registration_key(wanted.product_number, wanted.serial), tx)
    if held and held.account_id == wanted.account_id:
        return CannotBeRegistered(_YOURS, registration_id=str(held.registration_id))
    return CannotBeRegistered(_TAKEN, registration_id=None)
