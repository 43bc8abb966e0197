"""Support and the customer's contact both say that it works: then the visit is completed (S27)."""

from uuid import UUID

from libs.events.onsite import VisitCompleted
from libs.kit.auth import Principal
from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Forbidden
from libs.store import Transaction
from services.onsite.model.appointment import Appointment, Side, SignOff
from services.onsite.model.people import KnownContact
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.plan_visit import release

router = Router(tags=["the day"])
_MAY_SIGN: dict[Side, frozenset[str]] = {
    "support": frozenset({"engineer", "manager"}),
    "customer": frozenset({"customer", "technician"}),
}


class SignVisitOff(Command):
    """One side's word. The technician may take the contact's signature; support signs for itself."""

    side: Side
    # default: the caller, or the named contact
    name: Line | None = None
    note: Text | None = None


async def sign_off(visit: LockedVisit, cmd: SignVisitOff, caller: Principal, tx: Transaction) -> None:
    """The second side's word completes the visit. Raises Forbidden, ContactNotAuthorised."""
    if caller.role not in _MAY_SIGN[cmd.side]:
        raise Forbidden(f"A {caller.role} may not sign for {cmd.side}.", allowed=sorted(_MAY_SIGN[cmd.side]))
    case, order, _ = visit
    appointment = visit.booked()
    contact = case.coverage.contact if case.coverage else None
    signer = contact if cmd.side == "customer" else None
    known = await KnownContact.find(signer.contact_id, tx) if signer else None
    word = SignOff(
        # of who is forgotten no name is written down anew
        name=None if known and known.gone else cmd.name or (None if signer else caller.name),
        contact_id=signer.contact_id if signer else None,
        person_id=caller.id if cmd.side == "support" else None,
        at=tx.now,
        by=tx.scope.actor,
        note=cmd.note,
    )
    if appointment.sign(cmd.side, word, case.parts_of(order.diagnosis_id), contact):
        await _complete(visit, appointment, tx)


async def _complete(visit: LockedVisit, appointment: Appointment, tx: Transaction) -> None:
    order, installed, signed = visit.order, appointment.installed, appointment.sign_offs
    assert appointment.arrived_at is not None
    appointment.become("completed", at=tx.now, by=tx.scope.actor)
    order.become("completed", at=tx.now, by=tx.scope.actor)
    await release(visit, tx)
    tx.emit(
        VisitCompleted(
            **order.ids,
            **appointment.facts(),
            serials_in=[part.serial_in for part in installed if part.serial_in],
            serials_out=[part.serial_out for part in installed if part.serial_out],
            installed=installed,
            signed_off_by=signed["customer"].contact_id,
            verified_by=signed["support"].person_id,
            note=signed["customer"].note,
            arrived_at=appointment.arrived_at,
            completed_at=tx.now,
        )
    )


@router.post(
    "/v1/work-orders/{work_order_id}/sign-off",
    dependencies=[allow(*COMMANDS.roles("sign_off"))],
)
async def sign_off_route(work_order_id: UUID, cmd: SignVisitOff, tx: Tx, caller: Caller) -> WorkOrderOut:
    """One side's word that it works; the second side's completes the visit."""
    visit = await visit_for(caller, work_order_id, tx, "sign_off")
    await sign_off(visit, cmd, caller, tx)
    return await work_order_out(visit.order, tx, caller)
