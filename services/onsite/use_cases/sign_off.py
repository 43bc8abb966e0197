"""Support and the customer's contact both say that it works: then the visit is completed (S27)."""

from typing import Self
from uuid import UUID

from pydantic import model_validator

from libs.bus.replicas import Awaited
from libs.events.onsite import VisitCompleted
from libs.events.values import Contact
from libs.kit.auth import Principal
from libs.kit.fields import Line, Reason, Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.people import NotHereYet
from libs.kit.problems import Forbidden, NotOfThisAccount, Unprocessable
from libs.kit.rows import visible
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.people import KnownContact
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_done import Side, SignOff
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.access import COMMANDS, visible_to
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.plan_visit import release
from services.onsite.use_cases.told_later import ToldLater, moment_of

router = Router(tags=["the day"])
_MAY_SIGN: dict[Side, frozenset[str]] = {
    "support": frozenset({"engineer", "manager"}),
    "customer": frozenset({"customer", "technician"}),
}


class SignerUnknown(Unprocessable):
    """Whoever signs in the named contact's place says as what, and why."""


class SignVisitOff(ToldLater):
    """One side's word. The technician may take the contact's signature; support signs for itself.

    For the customer the case's contact signs, unless `contact_id` names another of the account's, or `signer_role` says who else it is: then
    both `signer_role` and `reason` are told.
    """

    side: Side
    # support's; default: the caller
    name: Line | None = None
    contact_id: UUID | None = None
    signer_role: Line | None = None
    reason: Reason | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _of_its_side(self) -> Self:
        if self.side == "customer" and self.name is not None:
            raise ValueError("who signs for the customer is a contact_id, or nobody we know: signer_role and reason")
        if self.side == "support" and (self.contact_id or self.signer_role or self.reason):
            raise ValueError("contact_id, signer_role and reason are the customer's side's")
        return self


async def must_be_of_the_account(visit_id: UUID, contact_id: UUID | None, caller: Principal, tx: Transaction) -> None:
    """Before anything is locked. Raises NotFound, NotOfThisAccount; NotHereYet for a contact whom the replica does not have yet."""
    if contact_id is None:
        return
    order = await visible(WorkOrder, visit_id, visible_to(caller), tx)
    problem = NotOfThisAccount(f"The account has no contact {contact_id}.", contact_id=str(contact_id))
    known = await KnownContact.find(contact_id, tx)
    if known is None:
        raise NotHereYet([Awaited(KnownContact, contact_id, 0)], problem)
    if known.gone or known.account_id != order.account_id:
        raise problem


async def sign_off(visit: LockedVisit, cmd: SignVisitOff, caller: Principal, tx: Transaction) -> None:
    """The second side's word completes the visit. Raises Forbidden, ContactNotAuthorised, SignerUnknown, NotThen."""
    if caller.role not in _MAY_SIGN[cmd.side]:
        raise Forbidden(f"A {caller.role} may not sign for {cmd.side}.", allowed=sorted(_MAY_SIGN[cmd.side]))
    case, order = visit.case, visit.order
    appointment = visit.booked()
    contact = case.coverage.contact if case.coverage else None
    at, recorded_at = await moment_of(visit, cmd, tx)
    word = SignOff(at=at, recorded_at=recorded_at, by=tx.scope.actor, note=cmd.note)
    if cmd.side == "support":
        word.name, word.person_id = cmd.name or caller.name, caller.id
    else:
        word.contact_id, word.signer_role, word.reason = _signer(cmd, contact)
    if appointment.sign(cmd.side, word, case.parts_of(order.diagnosis_id), contact):
        await _complete(visit, appointment, tx)


def _signer(cmd: SignVisitOff, contact: Contact | None) -> tuple[UUID | None, str | None, str | None]:
    """Whose word it is; and as what, and why, where it is not the named contact's. Raises SignerUnknown."""
    named = contact.contact_id if contact else None
    if cmd.signer_role is None and cmd.contact_id in (None, named):
        return named, None, None
    if cmd.signer_role is None or cmd.reason is None:
        raise SignerUnknown(
            "Whoever signs in the named contact's place says as what, in `signer_role`, and why, in `reason`.",
            field="signer_role" if cmd.signer_role is None else "reason",
            contact_id=str(named) if named else None,
        )
    return cmd.contact_id, cmd.signer_role, cmd.reason


async def _complete(visit: LockedVisit, appointment: Appointment, tx: Transaction) -> None:
    order, signed, by = visit.order, appointment.sign_offs, tx.scope.actor
    installed = [part.told() for part in appointment.installed]
    assert appointment.arrived_at is not None
    at = max(word.at for word in signed.values())
    recorded_at = None if at == tx.now else tx.now
    appointment.become("completed", at=at, by=by, recorded_at=recorded_at)
    order.become("completed", at=at, by=by, recorded_at=recorded_at)
    await release(visit, tx)
    tx.emit(
        VisitCompleted(
            **order.ids,
            **appointment.facts(),
            serials_in=[part.serial_in for part in installed if part.serial_in],
            serials_out=[part.serial_out for part in installed if part.serial_out],
            installed=installed,
            signed_off_by=signed["customer"].contact_id,
            signed_as=signed["customer"].signer_role,
            signed_instead=signed["customer"].reason,
            verified_by=signed["support"].person_id,
            note=signed["customer"].note,
            arrived_at=appointment.arrived_at,
            completed_at=at,
            recorded_at=recorded_at,
        )
    )


@router.post(
    "/v1/work-orders/{work_order_id}/sign-off",
    dependencies=[allow(*COMMANDS.roles("sign_off"))],
)
async def sign_off_route(work_order_id: UUID, cmd: SignVisitOff, tx: Tx, caller: Caller) -> WorkOrderOut:
    """One side's word that it works; the second side's completes the visit."""
    await must_be_of_the_account(work_order_id, cmd.contact_id, caller, tx)
    visit = await visit_for(caller, work_order_id, tx, "sign_off")
    await sign_off(visit, cmd, caller, tx)
    return await work_order_out(visit.order, tx, caller)
