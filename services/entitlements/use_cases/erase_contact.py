"""A contact is forgotten: what is personal goes, the id stays, and whoever keeps something of this person hears it (S11)."""

from uuid import UUID

from libs.events.entitlements import ContactErased
from libs.kit.auth import MANAGERS
from libs.kit.fields import Text
from libs.kit.forgetting import forget_answers
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.entitlements.model.case_file import CaseFile, told_to_ask
from services.entitlements.model.contact import Contact
from services.entitlements.queries.access import locked_with_account
from services.entitlements.queries.accounts import ContactOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.reactions.hand_over import hand_over, lock_what_names

router = Router(tags=["contacts"])


class EraseContact(Command):
    """`reason` is kept: a reference of the request, and nothing of the person."""

    reason: Text


async def erase_contact(contact: Contact, cmd: EraseContact, tx: Transaction) -> None:
    """For a locked contact and account. Open cases are decided anew, with another who may sign for the account."""
    contact.erase(at=tx.now, by=tx.scope.actor, reason=cmd.reason)
    await hand_over(contact, None, tx, reason="the contact was erased")
    await decide_again(contact.account_id, tx)
    for case in await tx.select(CaseFile, *told_to_ask(contact.account_id, contact.id), lock=True):
        case.forget_contact()
    await forget_answers(contact.id, tx)
    tx.emit(
        ContactErased(contact_id=contact.id, account_id=contact.account_id, by=tx.scope.actor, erased_at=tx.now),
    )


@router.post("/v1/contacts/{contact_id}/erase", dependencies=[allow(*MANAGERS)])
async def erase_contact_route(contact_id: UUID, cmd: EraseContact, tx: Tx, caller: Caller) -> ContactOut:
    """Forgets a contact for good, in every service. Refused while something is open with them; who is erased already stays so."""
    await lock_what_names(contact_id, tx)
    contact, _ = await locked_with_account(Contact, contact_id, caller, tx)
    if contact.erased_at is None:
        await erase_contact(contact, cmd, tx)
    return ContactOut.model_validate(contact)
