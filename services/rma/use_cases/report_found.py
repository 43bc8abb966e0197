"""A unit that was reported missing turns up in the depot: it is free again, and no RMA changes."""

from uuid import UUID

from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import NotFound, Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.custody import tracked
from services.rma.model.rma import Rma
from services.rma.model.rma_values import ShortPick
from services.rma.model.short_picks import missing
from services.rma.model.stock import Stock, locked_stock, offer_to_backorders
from services.rma.queries.access import COMMANDS, RmaAndCase
from services.rma.queries.stock import StockOut

router = Router(tags=["rmas"])


class ReportFound(Command):
    """That it is there again."""


async def report_found(rma: Rma, lost: ShortPick, tx: Transaction) -> Stock:
    """Raises NotEnoughStock."""
    stock = await locked_stock(lost.depot_id, lost.part_number, tx)
    stock.turn_up(rma.id, tx)
    if lost.serial:
        (await tracked(lost.part_number, lost.serial, tx)).hand_over("found", "in_stock", tx, depot_id=lost.depot_id)
    found = lost.model_copy(update={"found_at": tx.now})
    rma.short_picks = [found if each is lost else each for each in rma.short_picks]
    offer_to_backorders(stock, tx)
    return stock


@router.post("/v1/rmas/{rma_id}/found", dependencies=[allow(*COMMANDS.roles("found"))])
async def report_found_route(rma_id: UUID, _cmd: ReportFound, tx: Tx, caller: Caller) -> StockOut:
    """What this depot reported missing is on its shelf again, wherever the RMA's part comes from by now."""
    rma = await Rma.find(rma_id, tx, lock=True)
    if rma is None or not {rma.depot_id, *(each.depot_id for each in rma.short_picks)} & caller.depots:
        raise NotFound("rma", rma_id)
    COMMANDS.permit("found", caller.role, RmaAndCase(rma, await CaseFile.get(rma.case_id, tx)))
    lost = missing(rma, caller.depots)
    if lost is None:
        raise NotFound("rma", rma_id)
    return StockOut.model_validate(await report_found(rma, lost, tx))
