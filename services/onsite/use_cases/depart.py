"""The technician sets out (S26)."""

from datetime import datetime
from uuid import UUID

from libs.events.onsite import TechnicianDispatched
from libs.kit.auth import Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.rows import visible
from libs.store import Transaction
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.access import COMMANDS, visible_to
from services.onsite.queries.locked_visit import lock_visit, visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.follow_the_day import occupy
from services.onsite.reactions.take_back_miss import missed_visit, take_back_miss
from services.onsite.use_cases.told_later import AT_THIS_MOMENT, ToldLater, moment_of

router = Router(tags=["the day"])


async def depart(visit: LockedVisit, cmd: ToldLater, tx: Transaction) -> None:
    """Raises TooEarly, NotThen."""
    case, order = visit.case, visit.order
    appointment = visit.booked()
    moment = await moment_of(visit, cmd, tx)
    appointment.depart(case.undelivered(order.diagnosis_id), moment, by=tx.scope.actor)
    expected_at = appointment.expected_at
    assert expected_at is not None
    await occupy(visit, tx, until=max(expected_at, appointment.starts) + appointment.length)
    tx.emit(
        TechnicianDispatched(
            **order.ids,
            **appointment.facts(),
            expected_at=expected_at,
            departed_at=moment.at,
            recorded_at=moment.recorded_at,
        )
    )


async def _departed_in_time(caller: Principal, work_order_id: UUID, at: datetime, tx: Transaction) -> None:
    """Where a visit was taken for missed of which its technician, or a manager, tells now that somebody had departed."""
    await visible(WorkOrder, work_order_id, visible_to(caller), tx)
    visit = await lock_visit(work_order_id, tx)
    visit.case.must_take_commands(visit.order.state)
    missed = await missed_visit(visit, at, tx)
    if missed and (caller.role != "technician" or missed.technician_id == caller.technician_id):
        await take_back_miss(visit, missed, tx)


@router.post("/v1/work-orders/{work_order_id}/depart", dependencies=[allow(*COMMANDS.roles("depart"))])
async def depart_for_site_route(
    work_order_id: UUID, tx: Tx, caller: Caller, cmd: ToldLater = AT_THIS_MOMENT
) -> WorkOrderOut:
    """The technician sets out; the part has to be at the site already, and the window near."""
    if cmd.happened_at:
        await _departed_in_time(caller, work_order_id, cmd.happened_at, tx)
    visit = await visit_for(caller, work_order_id, tx, "depart")
    await depart(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
