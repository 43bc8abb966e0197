"""The depot does not find what it kept, or finds it damaged: the RMA goes on from elsewhere, under the same contract date."""

from typing import Literal
from uuid import UUID

from libs.kit.fields import Serial
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.custody import picked_for, tracked
from services.rma.model.network import Network
from services.rma.model.rma import FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.rma_values import ShortPick
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.order_labels import give_up_labels
from services.rma.reactions.re_source import locked_shelves
from services.rma.reactions.reserve_part import backorder, keep_for

router = Router(tags=["rmas"])


class ReportShortPick(Command):
    """`missing`: it is not there, and may be found; `damaged`: it is there and is not to be sent. `serial` where it was read."""

    what: Literal["missing", "damaged"]
    serial: Serial | None = None


async def short_pick(rma: Rma, cmd: ReportShortPick, tx: Transaction) -> None:
    """One is set aside. Another one is kept, wherever one can be promised best, or waited for."""
    depot_id, why = rma.kept.depot_id, f"short pick: {cmd.what}"
    network = await Network.load_for(rma, tx)
    stock, parts = await locked_shelves(rma, tx)
    shelves = {(row.depot_id, row.part_number): row for row in stock}
    shelves[depot_id, rma.sent_part].short_pick(rma.id, why, tx)
    serial = await _set_aside(rma, cmd, depot_id, tx)
    told = ShortPick(
        what=cmd.what, depot_id=depot_id, part_number=rma.sent_part, serial=serial, at=tx.now, by=tx.scope.actor
    )
    rma.short_picks = [*rma.short_picks, told]
    await give_up_labels(rma, tx)
    free = [place for place, row in shelves.items() if row.available > 0 and row.part_number in parts]
    offers = network.offers(tx.now, rma.destination, free, parts)
    if offers:
        best = min(offers, key=lambda offer: offer.rank(rma.grant.due))
        moved_from = depot_id if best.depot.id != depot_id else None
        await keep_for(rma, best, shelves[best.depot.id, best.part_number], tx, moved_from=moved_from, why=why)
        return
    tx.cancel_timer(rma, FORECAST_SHIP_CUT_OFF)
    rma.back_to_line()
    backorder(rma, parts, tx, out_of_reach=bool(free))


async def _set_aside(rma: Rma, cmd: ReportShortPick, depot_id: UUID, tx: Transaction) -> str | None:
    """The unit that was read, or picked; its serial."""
    unit = await tracked(rma.sent_part, cmd.serial, tx) if cmd.serial else await picked_for(rma, depot_id, tx)
    if unit is None:
        return None
    unit.hand_over("short_picked", "missing" if cmd.what == "missing" else "quarantined", tx, depot_id=depot_id)
    return unit.serial


@router.post("/v1/rmas/{rma_id}/short-pick", dependencies=[allow(*COMMANDS.roles("short_pick"))])
async def short_pick_route(rma_id: UUID, cmd: ReportShortPick, tx: Tx, caller: Caller) -> RmaOut:
    """What was kept cannot be sent; the RMA goes on from elsewhere."""
    its = await rma_for(caller, rma_id, tx, "short_pick")
    await short_pick(its.rma, cmd, tx)
    return RmaOut.of(its, caller)
