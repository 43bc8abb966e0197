"""A contact leaves, and another one of the account takes over: its sites and units name the successor, and so do its open cases (S27)."""

from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.entitlements.model.account import is_of_account
from services.entitlements.model.contact import Contact, NoSuccessor
from services.entitlements.queries.access import locked_with_account
from services.entitlements.queries.accounts import ContactOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.reactions.hand_over import hand_over, lock_what_names

router = Router(tags=["contacts"])


class LeaveContact(Command):
    successor_id: UUID
    reason: Text | None = None


async def take_leave(contact: Contact, cmd: LeaveContact, tx: Transaction) -> None:
    """For a locked contact and account. Raises NoSuccessor, ContactHasLeft."""
    if contact.active:
        await _must_take_over(cmd.successor_id, contact, tx)
    if contact.leave(cmd.successor_id, at=tx.now, by=tx.scope.actor, reason=cmd.reason):
        await hand_over(contact, cmd.successor_id, tx, reason="the contact has left")
        await decide_again(contact.account_id, tx)


async def _must_take_over(successor_id: UUID, contact: Contact, tx: Transaction) -> None:
    successor = await Contact.find(successor_id, tx)
    if successor_id == contact.id or not is_of_account(successor, contact.account_id):
        raise NoSuccessor("Another active contact of the same account takes over.", successor_id=str(successor_id))


@router.post("/v1/contacts/{contact_id}/leave", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def leave_contact_route(contact_id: UUID, cmd: LeaveContact, tx: Tx, caller: Caller) -> ContactOut:
    """Another contact of the account takes over what names this one. Who has left to the same already stays as they are."""
    await lock_what_names(contact_id, tx)
    contact, _ = await locked_with_account(Contact, contact_id, caller, tx)
    await take_leave(contact, cmd, tx)
    return ContactOut.model_validate(contact)
