"""What was typed about an RMA, and what a case said when it was cancelled or a diagnosis withdrawn, goes when it is taken out."""

import sqlalchemy as sa

from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.typed_words import without
from libs.kit.taking_out import take_words_out
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import Rma
from services.rma.model.stock import StockMovement


async def take_out_text(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    """Also from why its part went back on the shelf."""
    words = await take_words_out(event, tx, Rma, copy=CaseFile)
    if not words or tx.rebuilding:
        return
    its = sa.select(Rma.c.id).where(Rma.c.case_id == event.case_id)
    for movement in await tx.select(StockMovement, StockMovement.c.rma_id.in_(its), lock=True):
        movement.reason = without(words, vars(movement), event.replacement or "")["reason"]
