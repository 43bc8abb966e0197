"""Add a contact to an account, and change it: an open case is told (S27)."""

from uuid import UUID

from libs.events.values import Language
from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.entitlements.model.account import Account
from services.entitlements.model.contact import Contact
from services.entitlements.model.fields import Email, Phone, unchanged
from services.entitlements.queries.access import account_of, locked_with_account
from services.entitlements.queries.accounts import ContactOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.use_cases.changes import Change

router = Router(tags=["contacts"])


class CreateContact(Command):
    account_id: UUID | None = None
    name: Line
    email: Email | None = None
    phone: Phone | None = None
    language: Language = "en"
    authorised: bool = False


class ChangeContact(Change):
    name: Line = unchanged()
    email: Email | None = None
    phone: Phone | None = None
    language: Language = unchanged()
    authorised: bool = unchanged()


async def create_contact(cmd: CreateContact, account: Account, tx: Transaction) -> Contact:
    contact = tx.add(
        Contact(
            id=new_id(),
            account_id=account.id,
            name=cmd.name,
            email=cmd.email,
            phone=cmd.phone,
            language=cmd.language,
            authorised=cmd.authorised,
            created_at=tx.now,
        )
    )
    await decide_again(account.id, tx)
    return contact


@router.post("/v1/contacts", status_code=201, dependencies=[allow(*ACCOUNT_KEEPERS)])
async def create_contact_route(cmd: CreateContact, tx: Tx, caller: Caller) -> ContactOut:
    return ContactOut.model_validate(await create_contact(cmd, await account_of(caller, cmd.account_id, tx), tx))


@router.patch("/v1/contacts/{contact_id}", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def change_contact_route(contact_id: UUID, cmd: ChangeContact, tx: Tx, caller: Caller) -> ContactOut:
    contact, account = await locked_with_account(Contact, contact_id, caller, tx)
    cmd.apply(contact)
    await decide_again(account.id, tx)
    return ContactOut.model_validate(contact)
