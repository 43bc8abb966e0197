"""Which parts that have not left are for a contact."""

from uuid import UUID

from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.rma.model.outbound_leg import UNSHIPPED
from services.rma.model.rma import Rma, whose_contact_is


async def parts_not_sent_to(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Their labels name the contact, or will."""
    waiting = UNSHIPPED - {"denied"}
    rmas = await tx.select(Rma, whose_contact_is(contact_id), Rma.c.state.in_(waiting), limit=MOST)
    return [OpenWork(what="RMA", id=r.id, number=r.number, case_id=r.case_id, state=r.state) for r in rmas]
