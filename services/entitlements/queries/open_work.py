"""Which open cases go by a contact."""

from uuid import UUID

from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.entitlements.model.case_file import CaseFile, told_to_ask
from services.entitlements.model.contact import Contact


async def cases_decided_with(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Whether they were named or nobody else was there: another one takes over when the contact leaves."""
    contact = await Contact.find(contact_id, tx)
    if contact is None:
        return []
    with_them = (*told_to_ask(contact.account_id, contact_id), CaseFile.c.is_open)
    cases = await tx.select(CaseFile, *with_them, limit=MOST)
    return [OpenWork(what="case", id=case.id, case_id=case.id) for case in cases]
