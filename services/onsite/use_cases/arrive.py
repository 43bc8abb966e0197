"""The technician is at the door: the visit begins (S26, S27)."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.events.onsite import TechnicianArrived
from libs.kit.fields import Reason
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.onsite.model.availability import is_open_at
from services.onsite.model.case_file import VISIT_LATE, VISIT_MISSED, VISIT_PUSHED
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.follow_the_day import occupy, watch_for_the_end
from services.onsite.use_cases.told_later import ToldLater, moment_of

router = Router(tags=["the day"])


class OutsideHours(Unprocessable):
    """The site is closed: whoever comes then says why."""


class ArriveAtSite(ToldLater):
    reason: Reason | None = None


_NOW = ArriveAtSite()


async def arrive(visit: LockedVisit, cmd: ArriveAtSite, tx: Transaction) -> None:
    """Raises OutsideHours, NotThen."""
    case, order = visit.case, visit.order
    appointment, moment = visit.booked(), await moment_of(visit, cmd, tx)
    outside = not await is_open_at(case, moment.at, tx)
    if outside and cmd.reason is None:
        raise OutsideHours("The site is closed at that time; say in `reason` why you come then.", field="reason")
    in_window = appointment.arrive(moment, by=tx.scope.actor, reason=cmd.reason)
    order.become("in_progress", at=moment.at, by=tx.scope.actor, recorded_at=moment.recorded_at)
    order.waiting_for = None
    for timer in (VISIT_MISSED, VISIT_LATE, VISIT_PUSHED):
        tx.cancel_timer(case, f"{timer}:{order.id}")
    await _lasts(visit, moment.at, appointment.length, tx)
    tx.emit(
        TechnicianArrived(
            **order.ids,
            **appointment.facts(),
            in_window=in_window,
            outside_hours=cmd.reason if outside else None,
            arrived_at=moment.at,
            recorded_at=moment.recorded_at,
        )
    )


async def _lasts(visit: LockedVisit, since: datetime, length: timedelta, tx: Transaction) -> None:
    until = max(visit.booked().ends, since + length)
    await occupy(visit, tx, until=until)
    watch_for_the_end(visit, tx, until=until)


@router.post("/v1/work-orders/{work_order_id}/arrive", dependencies=[allow(*COMMANDS.roles("arrive"))])
async def arrive_at_site_route(work_order_id: UUID, tx: Tx, caller: Caller, cmd: ArriveAtSite = _NOW) -> WorkOrderOut:
    """The technician is at the door: the visit begins. While the site is closed it is said why."""
    visit = await visit_for(caller, work_order_id, tx, "arrive")
    await arrive(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
