"""Checking in with support, troubleshooting and testing steps, the part installed (S27)."""

from uuid import UUID

from libs.kit.fields import Line, Serial, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.onsite.model.appointment import CheckIn, SerialMismatch, Step
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import Work
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out

router = Router(tags=["the day"])


class NoSuchPart(Unprocessable):
    """The scanned part belongs to no RMA of this visit, or it must be said to which."""


class OldSerialMissing(Unprocessable):
    """A part that carries a serial came out of the unit, and what comes back is known by it."""

    title = "The serial of what came out is needed"


class CheckInWithSupport(Command):
    """`engineer` is whom the technician spoke to."""

    engineer: Line


class RecordStep(Command):
    work: Work
    name: Line
    passed: bool
    note: Text | None = None


class InstallPart(Command):
    """The serials as scanned. `rma_id` may be left out when the visit has one part. `old_unreadable`: what came out has no serial to scan."""

    rma_id: UUID | None = None
    serial_in: Serial | None = None
    serial_out: Serial | None = None
    old_unreadable: bool = False


def check_in(visit: LockedVisit, cmd: CheckInWithSupport, tx: Transaction) -> None:
    visit.booked().check_in = CheckIn(engineer=cmd.engineer, at=tx.now, by=tx.scope.actor)


def record_step(visit: LockedVisit, cmd: RecordStep, tx: Transaction) -> None:
    """Raises ExcludedWork (S29)."""
    visit.order.must_allow(cmd.work)
    visit.booked().steps.append(Step(**cmd.model_dump(), at=tx.now, by=tx.scope.actor))


def install_part(visit: LockedVisit, cmd: InstallPart) -> None:
    """Raises NoSuchPart, SerialMismatch, OldSerialMissing, Conflict for a part that is in already."""
    parts = visit.case.parts_of(visit.order.diagnosis_id)
    rma_id = cmd.rma_id or (next(iter(parts)) if len(parts) == 1 else None)
    if rma_id is None or rma_id not in parts:
        raise NoSuchPart("Say which RMA's part this is.", rma_ids=sorted(map(str, parts)))
    visit.booked().install(rma_id, parts[rma_id], cmd.serial_in, cmd.serial_out)
    if parts[rma_id].serial:
        _must_name_what_came_out(cmd)


def _must_name_what_came_out(cmd: InstallPart) -> None:
    if cmd.serial_out is None and not cmd.old_unreadable:
        raise OldSerialMissing("Scan the serial of what came out, or say that it is unreadable.")
    if cmd.serial_out and cmd.serial_out == cmd.serial_in:
        raise SerialMismatch("The same serial was scanned twice: one is of what went in, one of what came out.")


@router.post("/v1/work-orders/{work_order_id}/check-in", dependencies=[allow(*COMMANDS.roles("check_in"))])
async def check_in_route(work_order_id: UUID, cmd: CheckInWithSupport, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The technician spoke with support: the work may begin."""
    visit = await visit_for(caller, work_order_id, tx, "check_in")
    check_in(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)


@router.post("/v1/work-orders/{work_order_id}/steps", dependencies=[allow(*COMMANDS.roles("steps"))])
async def record_step_route(work_order_id: UUID, cmd: RecordStep, tx: Tx, caller: Caller) -> WorkOrderOut:
    """One step of troubleshooting, testing or an approved update, and whether it passed."""
    visit = await visit_for(caller, work_order_id, tx, "steps")
    record_step(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)


@router.post("/v1/work-orders/{work_order_id}/install", dependencies=[allow(*COMMANDS.roles("install"))])
async def install_part_route(work_order_id: UUID, cmd: InstallPart, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The part is in; its serial has to be that of the part which was sent."""
    visit = await visit_for(caller, work_order_id, tx, "install")
    install_part(visit, cmd)
    return await work_order_out(visit.order, tx, caller)
