"""Open an account, and change it."""

from uuid import UUID

from libs.events.values import Language
from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, Zone
from libs.kit.http import Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.entitlements.model.account import Account
from services.entitlements.model.fields import Country, unchanged
from services.entitlements.queries.accounts import AccountOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.use_cases.changes import Change

router = Router(tags=["accounts"])


class CreateAccount(Command):
    name: Line
    country: Country
    time_zone: Zone
    language: Language = "en"


class ChangeAccount(Change):
    name: Line = unchanged()
    language: Language = unchanged()


async def create_account(cmd: CreateAccount, tx: Transaction) -> Account:
    return tx.add(
        Account(
            id=new_id(),
            name=cmd.name,
            country=cmd.country,
            time_zone=cmd.time_zone,
            language=cmd.language,
            created_at=tx.now,
        )
    )


@router.post("/v1/accounts", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_account_route(cmd: CreateAccount, tx: Tx) -> AccountOut:
    return AccountOut.model_validate(await create_account(cmd, tx))


@router.patch("/v1/accounts/{account_id}", dependencies=[allow(*MANAGERS)])
async def change_account_route(account_id: UUID, cmd: ChangeAccount, tx: Tx) -> AccountOut:
    account = await Account.get(account_id, tx, lock=True)
    cmd.apply(account)
    await decide_again(account.id, tx)
    return AccountOut.model_validate(account)
