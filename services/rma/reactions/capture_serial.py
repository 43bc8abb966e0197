"""What came back is known by its serial, or waits until somebody reads it."""

from libs.store import Transaction
from services.rma.model.custody import take_back
from services.rma.model.part import part_numbered
from services.rma.model.rma import Rma


async def capture_serial(rma: Rma, tx: Transaction) -> None:
    """A part that carries a serial came with it, or cannot be accepted yet."""
    part_number = rma.received_part or rma.sent_part
    if rma.received_serial and rma.depot_id:
        rma.waiting_for = None
        await take_back(part_number, rma.received_serial, "returned", "returned", rma, rma.depot_id, tx)
        return
    part = await part_numbered(part_number, tx)
    rma.waiting_for = "serial" if part and part.serialised else None
