"""What the depot finds in a returned unit, and what it decides about one with another serial than awaited."""

from uuid import UUID

from libs.events.rma_returns import DefectiveInspected, ReturnRejected
from libs.kit.auth import Principal
from libs.kit.fields import Serial, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.return_leg import ACCEPTED, AWAITED, return_machine
from services.rma.model.rma import Rma, SerialMissing
from services.rma.model.rma_values import InspectionResult
from services.rma.queries.access import COMMANDS, visible_to
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.await_return import ask_back, window_from
from services.rma.reactions.capture_serial import capture_serial
from services.rma.reactions.close_rma import close_if_over
from services.rma.reactions.credit_charge import credit_charge, uphold_charge
from services.rma.reactions.order_labels import order_return_label
from services.rma.reactions.reserve_part import restock
from services.rma.use_cases.receive_return import ReceiveReturn, receive_return

router = Router(tags=["rmas"])


class OtherSerial(Conflict):
    title = "The serial is not the one awaited"


class NoMatch(Conflict):
    title = "The unit does not belong to that RMA"


class InspectReturn(Command):
    """A unit with another serial is first inspected as `serial_mismatch` or `wrong_unit`. After a mismatch the depot decides:
    it accepts the unit with a result, refuses it as `wrong_unit`, or books it to the RMA that it belongs to. `serial` is for one that
    came without."""

    result: InspectionResult
    serial: Serial | None = None
    note: Text | None = None
    matched_rma_id: UUID | None = None


async def inspect_return(rma: Rma, cmd: InspectReturn, tx: Transaction) -> None:
    """Raises ForbiddenTransition, OtherSerial, SerialMissing."""
    if cmd.serial and rma.received_serial is None:
        rma.received_serial = cmd.serial
        await capture_serial(rma, tx)
    if cmd.result in ACCEPTED:
        _must_be_acceptable(rma)
    return_leg.inspect(rma, cmd.result, tx, cmd.note)
    rma.waiting_for = None
    match = await _owner_of(rma, tx) if cmd.result == "serial_mismatch" else None
    tx.emit(
        DefectiveInspected(
            **rma.ids,
            result=cmd.result,
            serial=rma.received_serial,
            matched_rma_id=match.id if match else None,
            note=cmd.note,
            by=tx.scope.actor,
            inspected_at=tx.now,
        )
    )
    if cmd.result in ACCEPTED:
        await _accept(rma, cmd.result, tx)
    elif cmd.result == "wrong_unit":
        await _await_again(rma, cmd.note or "the wrong unit came back", tx)


async def book_to_its_owner(rma: Rma, owner_id: UUID, cmd: InspectReturn, caller: Principal, tx: Transaction) -> None:
    """The unit that came for this RMA is what another one of the caller's depots awaits: that one has it back, this one waits on.

    Raises ForbiddenTransition, NoMatch.
    """
    return_machine.check(rma.return_state, "awaiting_return")
    owner = await tx.first(Rma, Rma.c.id == owner_id, *visible_to(caller), lock=True)
    if owner is None or owner.account_id != rma.account_id or owner.return_serial != rma.received_serial:
        raise NoMatch("That RMA does not await this serial.", serial=rma.received_serial)
    came = ReceiveReturn.model_construct(serial=rma.received_serial, part_number=rma.received_part)
    await receive_return(owner, came, tx)
    await inspect_return(owner, cmd.model_copy(update={"matched_rma_id": None}), tx)
    await _await_again(rma, f"what came belongs to {owner.number}", tx)


def _must_be_acceptable(rma: Rma) -> None:
    if rma.return_state == "received" and return_leg.is_another(rma):
        awaited, came = (
            (sorted(return_leg.awaited_parts(rma)), rma.received_part)
            if rma.received_part and rma.received_part not in return_leg.awaited_parts(rma)
            else (rma.return_serial or "the defective part", rma.received_serial)
        )
        raise OtherSerial(
            f"{awaited if isinstance(awaited, str) else ' or '.join(awaited)} is awaited and {came} came.",
            state=rma.return_state,
            possible=["serial_mismatch", "wrong_unit"],
        )
    if rma.waiting_for == "serial":
        raise SerialMissing(f"{rma.received_part or rma.sent_part} carries a serial: scan what came.")


async def _accept(rma: Rma, result: InspectionResult, tx: Transaction) -> None:
    credit_charge(rma, tx)
    if rma.depot_id:
        good = rma.returns == "unused_replacement" and result == "no_fault_found"
        await restock(rma, rma.depot_id, tx, good=good, reason=f"returned: {result}")
    await close_if_over(rma, tx)


async def _await_again(rma: Rma, reason: str, tx: Transaction) -> None:
    """A charge stands, also one that was disputed until now. What was given up before is awaited no more than before."""
    if rma.charge == "disputed":
        uphold_charge(rma, tx, reason)
    if return_leg.was_given_up(rma):
        return_leg.refuse(rma, tx, reason)
        return
    came = rma.received_serial
    due = await window_from(tx.now, rma, tx)
    return_leg.await_again(rma, due, tx, reason)
    tx.emit(
        ReturnRejected(
            **rma.ids,
            reason=reason,
            serial=came,
            new_due=due.day,
            new_due_at=due.at,
            by=tx.scope.actor,
            rejected_at=tx.now,
        )
    )
    await order_return_label(rma, tx)
    await ask_back(rma, due, tx)


async def _owner_of(rma: Rma, tx: Transaction) -> Rma | None:
    """Another RMA of the account that awaits the serial that came."""
    return await tx.first(
        Rma,
        Rma.c.account_id == rma.account_id,
        Rma.c.id != rma.id,
        Rma.c.return_serial == rma.received_serial,
        Rma.c.return_state.in_(sorted(AWAITED)),
    )


@router.post("/v1/rmas/{rma_id}/inspect", dependencies=[allow(*COMMANDS.roles("inspect"))])
async def inspect_return_route(rma_id: UUID, cmd: InspectReturn, tx: Tx, caller: Caller) -> RmaOut:
    """What it turned out to be. A wrong unit is awaited again; another serial may be booked to the RMA that awaits it."""
    if cmd.matched_rma_id:
        await tx.find_many(Rma, [rma_id, cmd.matched_rma_id], lock=True)
    its = await rma_for(caller, rma_id, tx, "inspect")
    if cmd.matched_rma_id:
        await book_to_its_owner(its.rma, cmd.matched_rma_id, cmd, caller, tx)
    else:
        await inspect_return(its.rma, cmd, tx)
    return RmaOut.of(its, caller)
