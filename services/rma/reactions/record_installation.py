"""The replacement works in the old one's place, by the customer's word or the technician's scan."""

from uuid import UUID

from libs.events.rma import ReplacementInstalled
from libs.store import Transaction
from services.rma.model.custody import note_hand
from services.rma.model.part import part_numbered
from services.rma.model.rma import Rma
from services.rma.model.rma_values import Installation
from services.rma.model.steps import Install


async def record_installation(
    rma: Rma, said: Installation, tx: Transaction, *, by: str, work_order_id: UUID | None = None
) -> None:
    """`by`: who says so. Serials that nobody read are those that are known of the unit and of the parcel. Raises NotInstallable."""
    part = await part_numbered(rma.sent_part, tx)
    old = said.old_serial or (rma.serial if rma.whole_unit else None)
    new = said.new_serial or rma.shipped_serial
    rma.install(said.model_copy(update={"old_serial": old, "new_serial": new}))
    await note_hand(rma, new, "installed", "installed", tx)
    unit = rma.product_number or rma.sent_part
    becomes = part.product_number if part and rma.whole_unit and part.product_number != unit else None
    if rma.return_serial is None and said.old_serial:
        rma.return_serial = said.old_serial
    tx.emit(
        ReplacementInstalled(
            **rma.ids,
            product_number=unit,
            unit_serial=None if rma.whole_unit else rma.serial,
            old_serial=old,
            new_serial=new,
            new_product_number=becomes,
            whole_unit=rma.whole_unit,
            component=rma.component,
            installed_by=said.by,
            work_order_id=work_order_id,
            by=by,
            installed_at=said.at,
        )
    )


async def record_installation_by_visit(rma: Rma, step: Install, tx: Transaction) -> None:
    """What the technician scanned. Raises NotInstallable."""
    visit, scanned = step.visit, step.visit.scanned(rma.id)
    said = Installation(by="technician", old_serial=scanned.serial_out, new_serial=scanned.serial_in, at=visit.at)
    by = visit.installer or tx.scope.actor
    await record_installation(rma, said, tx, by=by, work_order_id=visit.work_order_id)
