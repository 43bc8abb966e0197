"""A contact was erased: what is kept of them where they asked, agreed or wrote."""

from uuid import UUID

import sqlalchemy as sa

from libs.events.entitlements import ContactErased
from libs.kit.listing import contains
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.note import Note


async def forget_contact(event: ContactErased, tx: Transaction) -> None:
    """Names as they were typed, in the account's cases. Words of notes and descriptions go by redaction."""
    contact_id, actor = event.contact_id, f"customer:{event.contact_id}"
    of_account = Case.c.account_id == event.account_id
    for case in await tx.select(Case, of_account, _names(contact_id, actor), lock=True):
        if case.opened_by == actor or contact_id in (
            case.contact_id,
            *(each.old.contact_id for each in case.corrections),
        ):
            case.reporter_name = None
        case.partner_requests = [
            each.model_copy(update={"consent_given_by": None})
            if contact_id == each.contact_id or each.by == actor
            else each
            for each in case.partner_requests
        ]
    written = Note.c.by == actor, Note.c.author_name.is_not(None), Note.c.account_id == event.account_id
    for note in await tx.select(Note, *written, lock=True):
        note.author_name = None


def _names(contact_id: UUID, actor: str) -> sa.ColumnElement[bool]:
    corrected = contains(Case.c.corrections, [{"old": {"contact_id": str(contact_id)}}])
    wished = (contains(Case.c.partner_requests, [who]) for who in ({"contact_id": str(contact_id)}, {"by": actor}))
    return sa.or_(Case.c.contact_id == contact_id, Case.c.opened_by == actor, corrected, *wished)
