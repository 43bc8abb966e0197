"""The replacement works in the old one's place, by the customer's word or the technician's scan."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from libs.events.rma import ReplacementInstalled
from libs.events.values import Instant
from libs.kit.fields import Serial
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.part import part_numbered
from services.rma.model.rma import Installation, NotInOrder, Rma
from services.rma.queries.rmas import RmaOut, rma_seen_by
from services.rma.reactions.close_rma import close_if_over

router = Router(tags=["rmas"])


class AnotherSerial(Conflict):
    title = "Another part was sent"


class ConfirmInstalled(Command):
    """Serials as read from the parts; `serial` is the new one's, and may be left out."""

    serial: Serial | None = None
    old_serial: Serial | None = None
    installed_at: Instant | None = None


async def confirm_installed(
    rma: Rma,
    tx: Transaction,
    *,
    by: Literal["customer", "technician"],
    name: str,
    at: datetime,
    serial_in: str | None,
    serial_out: str | None,
    work_order_id: UUID | None = None,
) -> None:
    """Raises NotInstallable."""
    part = await part_numbered(rma.sent_part, tx)
    old = serial_out or (rma.serial if rma.whole_unit else None)
    new = serial_in or rma.shipped_serial
    rma.install(Installation(by=by, old_serial=old, new_serial=new, at=at))
    unit = rma.product_number or rma.sent_part
    becomes = part.product_number if part and rma.whole_unit and part.product_number != unit else None
    if rma.return_serial is None and serial_out:
        rma.return_serial = serial_out
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
            installed_by=by,
            work_order_id=work_order_id,
            by=name,
            installed_at=at,
        )
    )
    close_if_over(rma, tx)


@router.post("/v1/rmas/{rma_id}/confirm-installed", dependencies=[allow("customer", "engineer", "manager")])
async def confirm_installed_route(rma_id: UUID, cmd: ConfirmInstalled, tx: Tx, caller: Caller) -> RmaOut:
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    if case := await CaseFile.find(rma.case_id, tx):
        case.takes_commands()
    if cmd.serial and rma.shipped_serial and cmd.serial != rma.shipped_serial:
        raise AnotherSerial(
            f"{rma.number} sent another serial than {cmd.serial}; read it again, or leave it out.",
            state=rma.state,
            possible=["the serial that was sent"],
        )
    at = cmd.installed_at or tx.now
    if at > tx.now or (rma.delivered_at and at < rma.delivered_at):
        raise NotInOrder(f"An installation lies between the delivery and now, {tx.now.isoformat()}.")
    await confirm_installed(
        rma,
        tx,
        by="customer",
        name=caller.name,
        at=at,
        serial_in=cmd.serial,
        serial_out=cmd.old_serial,
    )
    return RmaOut.of(rma)
