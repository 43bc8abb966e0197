"""What the technician did with the parts: installed them, or found one dead."""

from libs.events.values import InstalledPart
from libs.store import Transaction
from services.rma.model.case_file import CaseFile, Diagnosis, Visit
from services.rma.model.rma import Rma
from services.rma.reactions.await_return import open_return_window
from services.rma.reactions.replace_again import find_dead_on_arrival
from services.rma.use_cases.confirm_installed import confirm_installed
from services.rma.use_cases.deliver_part import deliver_part


async def follow_visits(rma: Rma, diagnosis: Diagnosis, case: CaseFile, tx: Transaction) -> None:
    """Applies what has not been applied yet; what the RMA is not ready for stays in the case file."""
    for visit in diagnosis.visits:
        if rma.state not in ("shipped", "delivered") or rma.installation or not _concerns(visit, rma):
            continue
        if visit.kind == "completed" or visit.dead_on_arrival:
            if rma.state == "shipped":  # the technician holds it, whatever the carrier has told so far
                await deliver_part(rma, visit.arrived_at or visit.at, visit.by, tx)
            if visit.kind == "completed":
                await _install(rma, visit, tx)
            else:
                await find_dead_on_arrival(rma, visit.explanation, tx, at=visit.at)
    await open_return_window(rma, case, tx)


def _concerns(visit: Visit, rma: Rma) -> bool:
    """The RMAs it names; a visit that names none means those of its diagnosis that had been sent by then."""
    if named := {part.rma_id for part in visit.installed if part.rma_id} | set(visit.rma_ids):
        return rma.id in named
    return rma.replaces_rma_id is None or (rma.shipped_at is not None and rma.shipped_at <= visit.at)


async def _install(rma: Rma, visit: Visit, tx: Transaction) -> None:
    of_this = [part for part in visit.installed if part.rma_id == rma.id]
    unnamed = [part for part in visit.installed if part.rma_id is None]
    scanned = next(iter(of_this or unnamed), InstalledPart())
    await confirm_installed(
        rma,
        tx,
        by="technician",
        name=visit.by,
        at=visit.at,
        serial_in=scanned.serial_in,
        serial_out=scanned.serial_out,
        work_order_id=visit.work_order_id,
    )
