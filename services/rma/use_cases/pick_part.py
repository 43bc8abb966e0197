"""The depot takes the unit off the shelf: serial and part number are scanned before it is packed."""

from uuid import UUID

from libs.kit.fields import Serial, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.rma.model.custody import AnotherPartScanned, TrackedUnit, picked_for, unit_for
from services.rma.model.rma import Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for

router = Router(tags=["rmas"])


class AnotherPicked(Conflict):
    title = "Another unit was picked"


class PickPart(Command):
    """What was scanned on the shelf."""

    serial: Serial
    part_number: Word | None = None


async def pick_part(rma: Rma, cmd: PickPart, tx: Transaction) -> None:
    """One that was picked before goes back on the shelf. Raises as `unit_to_send` does, but for AnotherPicked."""
    depot_id = rma.kept.depot_id
    _compare(rma, cmd.part_number)
    before = await picked_for(rma, depot_id, tx)
    unit = await unit_for(rma, cmd.serial, depot_id, tx)
    if before and before is not unit:
        before.hand_over("restocked", "in_stock", tx, depot_id=depot_id)
    unit.hand_over("picked", "picked", tx, depot_id=depot_id, rma_id=rma.id)


async def unit_to_send(rma: Rma, serial: str | None, part_number: str | None, tx: Transaction) -> TrackedUnit | None:
    """The unit that was scanned now, or when it was picked; None where nobody scanned one.

    Raises AnotherPartScanned, AnotherPicked, FailedUnitsSerial, SerialIsOut, NotToBeSent.
    """
    depot_id = rma.kept.depot_id
    _compare(rma, part_number)
    picked = await picked_for(rma, depot_id, tx)
    if serial is None or (picked and picked.serial == serial):
        return picked
    if picked:
        raise AnotherPicked(
            f"{picked.serial} was picked for {rma.number}; pick {serial} before it is shipped.",
            state=rma.state,
            possible=["ship what was picked", "pick"],
        )
    return await unit_for(rma, serial, depot_id, tx)


def _compare(rma: Rma, part_number: str | None) -> None:
    if part_number and part_number != rma.sent_part:
        raise AnotherPartScanned(
            f"{rma.sent_part} is kept for {rma.number}, and {part_number} was scanned.", part_number=rma.sent_part
        )


@router.post("/v1/rmas/{rma_id}/pick", dependencies=[allow(*COMMANDS.roles("pick"))])
async def pick_part_route(rma_id: UUID, cmd: PickPart, tx: Tx, caller: Caller) -> RmaOut:
    """The unit is off the shelf and is the one that will be packed."""
    its = await rma_for(caller, rma_id, tx, "pick")
    await pick_part(its.rma, cmd, tx)
    return RmaOut.of(its, caller)
