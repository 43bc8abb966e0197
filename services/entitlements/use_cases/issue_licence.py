"""Issue a licence, and extend or shorten its validity (S17)."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, ProductNumber, Serial, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from libs.store import Transaction
from services.entitlements.model.account import Account, must_be_of_account
from services.entitlements.model.contract import Contract
from services.entitlements.model.coverage import registered
from services.entitlements.model.licence import Licence, UnitNotRegistered, check_validity, machine
from services.entitlements.model.policy import policies
from services.entitlements.queries.access import account_of, locked_with_account
from services.entitlements.queries.registrations import LicenceOut
from services.entitlements.reactions.run_licence import follow_validity, new_key, start_licence

router = Router(tags=["licences"])


class LicenceFields(Command):
    software: Line
    seats: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    valid_until: date | None = None


class IssueLicence(New, LicenceFields):
    """For one unit when it names a product number and serial, else for the account."""

    account_id: UUID
    key: Word | None = None  # None: one is made
    premium: bool = False
    contract_id: UUID | None = None
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    valid_from: date


class ChangeLicence(Patch, LicenceFields):
    """What it is for stays."""


async def issue_licence(cmd: IssueLicence, account: Account, tx: Transaction) -> Licence:
    """Raises ImpossibleValidity, UnitNotRegistered, NotOfThisAccount, ThereAlready."""
    check_validity(cmd.valid_from, cmd.valid_until)
    await must_be_of_account(Contract, cmd.contract_id, account.id, tx)
    if cmd.product_number or cmd.serial:
        known = cmd.product_number and cmd.serial and await registered(cmd.product_number, cmd.serial, account.id, tx)
        if not known:
            raise UnitNotRegistered("Name the product number and serial of a unit that the account has registered.")
    if cmd.key:
        await refuse_twin(Licence, tx, key=cmd.key)
    more: dict[str, Any] = {"key": cmd.key or new_key(), "state": machine.initial, "distances": [], "history": []}
    licence = cmd.make(Licence, tx, account_id=account.id, **more)
    return start_licence(licence, account, await policies.at(tx, region=account.country), tx)


@router.post("/v1/licences", status_code=201, dependencies=[allow(*MANAGERS)])
async def issue_licence_route(cmd: IssueLicence, tx: Tx, caller: Caller) -> LicenceOut:
    """Issues a licence for an account, or for one of its units (S17)."""
    return LicenceOut.model_validate(await issue_licence(cmd, await account_of(caller, cmd.account_id, tx), tx))


@router.patch("/v1/licences/{licence_id}", dependencies=[allow(*MANAGERS)])
async def change_licence_route(licence_id: UUID, cmd: ChangeLicence, tx: Tx, caller: Caller) -> LicenceOut:
    """Extends or shortens a licence, or corrects what it says."""
    licence, account = await locked_with_account(Licence, licence_id, caller, tx)
    changed = cmd.apply_to(licence)
    check_validity(licence.valid_from, licence.valid_until)
    if "valid_until" in changed:
        follow_validity(licence, account, await policies.at(tx, region=account.country), tx, reason="validity changed")
    return LicenceOut.model_validate(licence)
