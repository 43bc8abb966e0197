"""An agreement opens what waited for it, as soon as it is valid (S7)."""

from libs.store import Transaction
from services.ecps.model.agreement import BEGINS, Agreement
from services.ecps.model.partner import Partner
from services.ecps.reactions.decide_eligibility import reconsider_all


async def use(agreement: Agreement, partner: Partner, tx: Transaction) -> None:
    """What waited for it goes on by itself, now or on its first day. `partner` is locked."""
    if agreement.begins_at > tx.now:
        tx.set_timer(agreement, BEGINS, agreement.begins_at)
        return
    await tx.flush()
    await reconsider_all(partner, tx, account_id=agreement.account_id)


async def use_from_first_day(agreement: Agreement, tx: Transaction, _detail: str) -> None:
    """Its first day has come."""
    await use(agreement, await Partner.get(agreement.partner_id, tx, lock=True), tx)
