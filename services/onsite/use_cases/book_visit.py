"""The customer, or support for them, chooses when the technician comes (S31)."""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.onsite.model.availability import demand_of, offers, take
from services.onsite.model.slots import Slot
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import ChosenBy
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.plan_visit import move, schedule

router = Router(tags=["work orders"])


class SlotTaken(Conflict):
    """Nobody can come at that time, or somebody else was faster; `slots` are what is left."""


class BookVisit(Command):
    """`starts` of a slot from `/slots`; with `technician_id` only that one will do."""

    starts: AwareDatetime
    technician_id: UUID | None = None


class RescheduleVisit(BookVisit):
    reason: Reason


async def book_visit(visit: LockedVisit, cmd: BookVisit, tx: Transaction, *, chosen_by: ChosenBy) -> None:
    """Raises SlotTaken."""
    slot, parts_by = await _chosen(visit, cmd, tx)
    await schedule(visit, slot, tx, parts_by=parts_by, at=tx.now, chosen_by=chosen_by)


async def reschedule_visit(visit: LockedVisit, cmd: RescheduleVisit, tx: Transaction, *, role: str) -> None:
    """Raises SlotTaken, TimeWasChosen."""
    if role == "technician":
        visit.booked().must_not_be_brought_forward(cmd.starts)
    slot, parts_by = await _chosen(visit, cmd, tx)
    await move(visit, slot, tx, parts_by=parts_by, at=tx.now, chosen_by=_chosen_by(role), reason=cmd.reason)


async def _chosen(visit: LockedVisit, cmd: BookVisit, tx: Transaction) -> tuple[Slot, datetime]:
    case, order = visit.case, visit.order
    demand = await demand_of(case, order, tx, not_before=case.visitable_from(order.diagnosis_id, visit.parts_by))
    slot = await take(order, demand, tx, starts=cmd.starts, technician_id=cmd.technician_id)
    if slot is None:
        left = [slot for _, slot in zip(range(5), await offers(order, demand, tx), strict=False)]
        raise SlotTaken(
            "No technician can come at that time.",
            state=order.state,
            possible=["slots"],
            slots=[slot.model_dump(mode="json") for slot in left],
        )
    return slot, visit.parts_by


def _chosen_by(role: str) -> ChosenBy:
    return "customer" if role == "customer" else "support"


@router.post(
    "/v1/work-orders/{work_order_id}/book",
    status_code=201,
    dependencies=[allow(*COMMANDS.roles("book"))],
)
async def book_visit_route(work_order_id: UUID, cmd: BookVisit, tx: Tx, caller: Caller) -> WorkOrderOut:
    """Books a visit at the beginning of one of `/slots`, where none is booked."""
    visit = await visit_for(caller, work_order_id, tx, "book")
    await book_visit(visit, cmd, tx, chosen_by=_chosen_by(caller.role))
    return await work_order_out(visit.order, tx, caller)


@router.post(
    "/v1/work-orders/{work_order_id}/reschedule",
    dependencies=[allow(*COMMANDS.roles("reschedule"))],
)
async def reschedule_visit_route(work_order_id: UUID, cmd: RescheduleVisit, tx: Tx, caller: Caller) -> WorkOrderOut:
    """Moves the visit to another of `/slots`, until the technician departs."""
    visit = await visit_for(caller, work_order_id, tx, "reschedule")
    await reschedule_visit(visit, cmd, tx, role=caller.role)
    return await work_order_out(visit.order, tx, caller)
