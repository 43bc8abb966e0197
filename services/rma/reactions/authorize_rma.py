"""Authorise a replacement against the cover, deny it with the reason and the paid path, or override as a manager."""

from uuid import UUID

from libs.events.entitlements import CoverageDecided
from libs.events.rma import RmaAuthorized, RmaDenied
from libs.kit.fields import Reason, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.network import Network
from services.rma.model.part import choose_part, part_numbered
from services.rma.model.policy import policies
from services.rma.model.promise import contract_due
from services.rma.model.rma import Denial, Rma, outbound_machine
from services.rma.queries.rmas import RmaOut, rma_seen_by
from services.rma.reactions.detect_repeat import detect_repeat
from services.rma.reactions.reserve_part import reserve_part

router = Router(tags=["rmas"])


class Override(Command):
    """Why the replacement is granted against the cover, and which part, where the diagnosis named none that fits."""

    reason: Reason
    part_number: Word | None = None


def take_cover(rma: Rma, coverage: CoverageDecided) -> None:
    """Where the part goes and what it is for, as the newest decision says; only before anything was sent."""
    rma.ship_to, rma.contact, rma.plan = coverage.site, coverage.contact, coverage.plan
    if rma.contract_due is None:
        rma.cut_off = coverage.published_cut_off
    if product := coverage.product:
        rma.product_number, rma.serial = product.product_number, product.serial
        rma.hardware_revision = product.hardware_revision
        if rma.whole_unit and rma.replaces_rma_id is None:
            rma.return_serial = product.serial


async def decide_on_cover(rma: Rma, coverage: CoverageDecided, tx: Transaction) -> None:
    """A requested RMA is granted or denied; one that was denied for want of cover is granted when the cover comes after all.

    A covered one that nobody can say where to send says so, and goes on with the decision that names its site.
    """
    if rma.state == "requested" or (rma.state == "denied" and rma.denial and rma.denial.reason == "not_covered"):
        take_cover(rma, coverage)
        rma.waiting_for = "site" if coverage.covered and coverage.site is None else None
        if not coverage.covered:
            if rma.state == "requested":
                await deny(rma, "not_covered", f"The contract does not cover it: {coverage.reason}.", tx)
        elif coverage.site:
            await authorize(rma, tx, f"covered: {coverage.reason}", overridden=coverage.overridden)


async def authorize(rma: Rma, tx: Transaction, reason: str, *, overridden: bool = False) -> None:
    """Grants the replacement, fixes its contract date for good, and keeps a part for it."""
    chosen = await choose_part(
        tx,
        wanted=rma.wanted_part,
        component=rma.component,
        whole_unit=rma.whole_unit,
        product_number=rma.product_number,
        hardware_revision=rma.hardware_revision,
    )
    if chosen is None:
        if rma.state == "requested":
            await deny(rma, "no_part_fits", f"No part in the catalogue is a {rma.component} for this unit.", tx)
        return
    network = await Network.load(tx, plan=rma.plan)
    part = await part_numbered(chosen, tx)
    if rma.contract_due is None:
        rma.contract_due, rma.contract_ends_at = contract_due(
            rma.diagnosed_at, rma.cut_off, network.destination(rma.destination)
        )
    rma.to("authorized", tx, reason)
    rma.part_number, rma.denial = chosen, None
    rma.return_required = part.returnable if part else True
    tx.emit(
        RmaAuthorized(
            **rma.ids,
            part_number=chosen,
            contract_due=rma.contract_due,
            return_required=rma.return_required,
            overridden=overridden,
            reason=reason,
            by=tx.scope.actor,
            authorized_at=tx.now,
        )
    )
    assert rma.contract_ends_at is not None
    tx.set_timer(rma, "contract_due", rma.contract_ends_at)
    await detect_repeat(rma, tx)
    await reserve_part(rma, network, tx)


async def deny(rma: Rma, reason: str, explanation: str, tx: Transaction) -> None:
    """No replacement under the contract, and what it would cost without one."""
    policy = await policies.at(
        tx, plan=rma.plan, region=rma.ship_to.country if rma.ship_to else None, severity=rma.severity
    )
    part = await part_numbered(rma.wanted_part, tx) if rma.wanted_part else None
    price = part.list_price if part else None
    rma.to("denied", tx, explanation)
    rma.denial = Denial(reason=reason, explanation=explanation, paid_path=policy.paid_path, price=price)
    tx.emit(
        RmaDenied(
            **rma.ids,
            reason=reason,
            explanation=explanation,
            paid_path=policy.paid_path,
            price=price,
            by=tx.scope.actor,
            denied_at=tx.now,
        )
    )


async def override(rma: Rma, cmd: Override, tx: Transaction) -> Rma:
    """A manager grants it. Raises CaseClosedToCommands, ForbiddenTransition, NoDestination."""
    case = await CaseFile.find(rma.case_id, tx)
    if case:
        case.takes_commands()
    outbound_machine.check(rma.state, "authorized")
    if case and case.coverage:
        take_cover(rma, case.coverage)
    rma.wanted_part = cmd.part_number or rma.wanted_part
    await authorize(rma, tx, cmd.reason, overridden=True)
    return rma


@router.post("/v1/rmas/{rma_id}/override", dependencies=[allow("manager")])
async def override_route(rma_id: UUID, cmd: Override, tx: Tx, caller: Caller) -> RmaOut:
    return RmaOut.of(await override(await rma_seen_by(caller, rma_id, tx, lock=True), cmd, tx))
