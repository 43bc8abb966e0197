"""Checking in with support, troubleshooting and testing steps, the part installed (S27)."""

from typing import Self
from uuid import UUID

from pydantic import model_validator

from libs.kit.fields import Line, Reason, Serial, Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_done import CheckIn, Installed, Step
from services.onsite.model.work_order import Work
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.use_cases.told_later import ToldLater, moment_of

router = Router(tags=["the day"])


class NoSuchPart(Unprocessable):
    """The scanned part belongs to no RMA of this visit, or it must be said to which."""


class CheckInWithSupport(ToldLater):
    """`engineer` is whom the technician spoke to."""

    engineer: Line


class RecordStep(ToldLater):
    work: Work
    name: Line
    passed: bool
    note: Text | None = None


class InstallPart(ToldLater):
    """The serials as scanned. `rma_id` may be left out when the visit has one part. `unreadable`: why the old one's cannot be read."""

    rma_id: UUID | None = None
    serial_in: Serial | None = None
    serial_out: Serial | None = None
    unreadable: Reason | None = None

    @model_validator(mode="after")
    def _read_or_not(self) -> Self:
        if self.serial_out is not None and self.unreadable is not None:
            raise ValueError("a serial that was read is not unreadable")
        return self


async def check_in(visit: LockedVisit, cmd: CheckInWithSupport, tx: Transaction) -> None:
    """Raises NotThen."""
    at, recorded_at = await moment_of(visit, cmd, tx)
    visit.booked().check_in = CheckIn(engineer=cmd.engineer, at=at, recorded_at=recorded_at, by=tx.scope.actor)


async def record_step(visit: LockedVisit, cmd: RecordStep, tx: Transaction) -> None:
    """Raises ExcludedWork (S29), NotThen."""
    visit.order.must_allow(cmd.work)
    at, recorded_at = await moment_of(visit, cmd, tx)
    done = cmd.model_dump(exclude={"happened_at"})
    visit.booked().record_step(Step(**done, at=at, recorded_at=recorded_at, by=tx.scope.actor))


async def install_part(visit: LockedVisit, cmd: InstallPart, tx: Transaction) -> None:
    """Raises NoSuchPart, SerialMismatch, OldSerialMissing, NotThen, Conflict for a part that is in already."""
    parts = visit.case.parts_of(visit.order.diagnosis_id)
    rma_id = cmd.rma_id or (next(iter(parts)) if len(parts) == 1 else None)
    if rma_id is None or rma_id not in parts:
        raise NoSuchPart("Say which RMA's part this is.", rma_ids=sorted(map(str, parts)))
    at, recorded_at = await moment_of(visit, cmd, tx)
    scanned = Installed(
        serial_in=cmd.serial_in,
        serial_out=cmd.serial_out,
        reason=cmd.unreadable,
        at=at,
        recorded_at=recorded_at,
        by=tx.scope.actor,
    )
    visit.booked().install(rma_id, parts[rma_id], scanned)


@router.post("/v1/work-orders/{work_order_id}/check-in", dependencies=[allow(*COMMANDS.roles("check_in"))])
async def check_in_route(work_order_id: UUID, cmd: CheckInWithSupport, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The technician spoke with support: the work may begin."""
    visit = await visit_for(caller, work_order_id, tx, "check_in")
    await check_in(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)


@router.post("/v1/work-orders/{work_order_id}/steps", dependencies=[allow(*COMMANDS.roles("steps"))])
async def record_step_route(work_order_id: UUID, cmd: RecordStep, tx: Tx, caller: Caller) -> WorkOrderOut:
    """One step of troubleshooting, testing or an approved update, and whether it passed."""
    visit = await visit_for(caller, work_order_id, tx, "steps")
    await record_step(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)


@router.post("/v1/work-orders/{work_order_id}/install", dependencies=[allow(*COMMANDS.roles("install"))])
async def install_part_route(work_order_id: UUID, cmd: InstallPart, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The part is in; its serial has to be that of the part which was sent."""
    visit = await visit_for(caller, work_order_id, tx, "install")
    await install_part(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
