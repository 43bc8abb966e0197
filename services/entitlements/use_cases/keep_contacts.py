"""Add a contact to an account, and change it: an open case is told (S27)."""

from typing import Literal
from uuid import UUID

from libs.events.values import Language
from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Email, Line, Phone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.entitlements.model.contact import Contact
from services.entitlements.queries.access import account_of, locked_with_account
from services.entitlements.queries.accounts import ContactOut
from services.entitlements.reactions.decide_coverage import decide_again

router = Router(tags=["contacts"])


class ContactFields(Command):
    name: Line
    email: Email | None = None
    phone: Phone | None = None
    language: Language = "en"
    authorised: bool = False


class CreateContact(New, ContactFields):
    account_id: UUID | None = None


class ChangeContact(Patch, ContactFields):
    """The account stays. `active` brings back who has left."""

    active: Literal[True]


@router.post("/v1/contacts", status_code=201, dependencies=[allow(*ACCOUNT_KEEPERS)])
async def create_contact_route(cmd: CreateContact, tx: Tx, caller: Caller) -> ContactOut:
    """Adds a contact to an account."""
    account = await account_of(caller, cmd.account_id, tx)
    contact = cmd.make(Contact, tx, account_id=account.id)
    await decide_again(account.id, tx)
    return ContactOut.model_validate(contact)


@router.patch("/v1/contacts/{contact_id}", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def change_contact_route(contact_id: UUID, cmd: ChangeContact, tx: Tx, caller: Caller) -> ContactOut:
    """Changes a contact; open cases are told (S27)."""
    contact, account = await locked_with_account(Contact, contact_id, caller, tx)
    contact.must_be_kept()
    if changed := cmd.apply_to(contact):
        if "active" in changed:
            contact.come_back(at=tx.now, by=tx.scope.actor)
        await decide_again(account.id, tx)
    return ContactOut.model_validate(contact)
