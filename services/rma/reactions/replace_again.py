"""A replacement that was lost, or does not work as it arrives: another one goes out at once, under an RMA linked to it."""

from datetime import datetime
from uuid import UUID

from libs.events.rma import PartDeadOnArrival, PartLost
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model import return_leg
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import NotInstallable, Rma, outbound_machine
from services.rma.queries.rmas import RmaOut, rma_seen_by
from services.rma.reactions.authorize_rma import authorize
from services.rma.reactions.await_return import announce, window_from
from services.rma.reactions.close_rma import close_if_over
from services.rma.reactions.open_rma import open_rma_in_place_of

router = Router(tags=["rmas"])


class ReportLost(Command):
    reason: Reason


class ReportDeadOnArrival(Command):
    symptom: Reason


async def lose(rma: Rma, reason: str, tx: Transaction, *, at: datetime) -> None:
    """The defective part stays where it is, and is the new RMA's matter. Raises ForbiddenTransition."""
    rma.to("lost", tx, reason, at=at)
    _stop_forecasts(rma, tx)
    again = await _is_still_wanted(rma, tx)
    tx.emit(
        PartLost(
            **rma.ids,
            tracking=rma.tracking,
            replaced_by_rma_id=derived(rma.id, "rma") if again else None,
            reason=reason,
            lost_at=at,
        )
    )
    return_leg.expect_nothing(rma, tx, "the replacement was lost")
    if again:
        new = await _replace(rma, f"{rma.number} was lost", tx)
        new.return_required = new.return_required and rma.return_state == "not_required"
    close_if_over(rma, tx)


async def find_dead_on_arrival(rma: Rma, symptom: str, tx: Transaction, *, at: datetime) -> None:
    """The dead part takes this RMA's way back; the defective one is awaited by the new RMA, unless it is on its way already."""
    if rma.installation:
        raise NotInstallable(
            "The part was confirmed to work; a fault that comes later needs a new diagnosis.", state=rma.state
        )
    rma.to("dead_on_arrival", tx, symptom, at=at)
    _stop_forecasts(rma, tx)
    again = await _is_still_wanted(rma, tx)
    tx.emit(
        PartDeadOnArrival(
            **rma.ids,
            part_number=rma.sent_part,
            serial=rma.shipped_serial,
            replaced_by_rma_id=derived(rma.id, "rma") if again else None,
            symptom=symptom,
            by=tx.scope.actor,
            reported_at=at,
        )
    )
    new = await _replace(rma, f"{rma.number} was dead on arrival", tx) if again else None
    if rma.return_state == "awaiting_return":
        rma.return_serial = rma.shipped_serial
        due = await window_from(at, rma, tx)
        rma.return_due, rma.return_due_at = due.day, due.at
        await announce(rma, tx)
    elif new:
        new.return_serial = rma.shipped_serial
    close_if_over(rma, tx)


def _stop_forecasts(rma: Rma, tx: Transaction) -> None:
    for timer in ("contract_due", "forecast:carrier_late", "close"):
        tx.cancel_timer(rma, timer)


async def _is_still_wanted(rma: Rma, tx: Transaction) -> bool:
    case = await CaseFile.find(rma.case_id, tx)
    diagnosis = case.diagnoses.get(rma.diagnosis_id) if case else None
    return not (case and case.cancelled) and not (diagnosis and diagnosis.withdrawn)


async def _replace(rma: Rma, reason: str, tx: Transaction) -> Rma:
    new = await open_rma_in_place_of(rma, tx, reason)
    await authorize(new, tx, reason)
    return new


@router.post("/v1/rmas/{rma_id}/lost", dependencies=[allow("depot", "engineer", "manager")])
async def report_lost_route(rma_id: UUID, cmd: ReportLost, tx: Tx, caller: Caller) -> RmaOut:
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    outbound_machine.check(rma.state, "lost")
    await lose(rma, cmd.reason, tx, at=tx.now)
    return RmaOut.of(rma)


@router.post("/v1/rmas/{rma_id}/dead-on-arrival", dependencies=[allow("customer", "engineer", "manager")])
async def report_dead_on_arrival_route(rma_id: UUID, cmd: ReportDeadOnArrival, tx: Tx, caller: Caller) -> RmaOut:
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    if case := await CaseFile.find(rma.case_id, tx):
        case.takes_commands()
    outbound_machine.check(rma.state, "dead_on_arrival")
    await find_dead_on_arrival(rma, cmd.symptom, tx, at=tx.now)
    return RmaOut.of(rma)
