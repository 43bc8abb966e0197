"""Open an account, and change it."""

from uuid import UUID

from libs.events.values import Language
from libs.kit.auth import MANAGERS
from libs.kit.fields import Country, Line, Zone
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.entitlements.model.account import Account
from services.entitlements.queries.accounts import AccountOut
from services.entitlements.reactions.decide_coverage import decide_again

router = Router(tags=["accounts"])


class AccountFields(Command):
    name: Line
    language: Language = "en"


class CreateAccount(New, AccountFields):
    country: Country
    time_zone: Zone


class ChangeAccount(Patch, AccountFields):
    """Country and time zone stay: contracts are counted by them."""


@router.post("/v1/accounts", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_account_route(cmd: CreateAccount, tx: Tx) -> AccountOut:
    """Opens an account."""
    return AccountOut.model_validate(cmd.make(Account, tx))


@router.patch("/v1/accounts/{account_id}", dependencies=[allow(*MANAGERS)])
async def change_account_route(account_id: UUID, cmd: ChangeAccount, tx: Tx) -> AccountOut:
    """Changes an account's name or language."""
    account = await Account.get(account_id, tx, lock=True)
    if cmd.apply_to(account):
        await decide_again(account.id, tx)
    return AccountOut.model_validate(account)
