"""Do what the facts call for: `model/next_step.py` decides each step, and this carries it out."""

from collections.abc import Callable
from uuid import UUID

from libs.store import Transaction
from services.rma.model import steps
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import next_step, still_wanted, take_up
from services.rma.model.rma import Rma
from services.rma.model.steps import Step
from services.rma.reactions.authorize_rma import authorize, deny
from services.rma.reactions.await_return import hand_over_return, lose_return, open_return_window
from services.rma.reactions.close_rma import close
from services.rma.reactions.open_rma import open_rma_for_diagnosis, open_rma_in_place_of
from services.rma.reactions.readdress_rma import readdress_rma
from services.rma.reactions.record_delivery import record_delivery
from services.rma.reactions.record_installation import record_installation_by_visit
from services.rma.reactions.record_mishap import record_dead_on_arrival, record_find, record_loss, record_refusal
from services.rma.reactions.reserve_part import reserve_part
from services.rma.reactions.stop_rma import stop_rma, want_replacement_back


async def act_on(case: CaseFile, tx: Transaction) -> None:
    """Opens the RMAs that the case's diagnoses call for, and lets each go on as far as its facts carry it.

    Does nothing a second time: each step changes the RMA that it looks at.
    """
    if tx.rebuilding or not case.faults:
        return
    rmas = await _rmas_of(case.id, tx)
    known = {rma.cause_id for rma in rmas}
    for fault in case.faults:
        if case.account_id and fault.diagnosis_id not in known:
            rmas.append(await open_rma_for_diagnosis(case, case.account_id, fault, tx))
    for rma in rmas:
        take_up(rma, case)
        await go_on(rma, case, tx)


async def _rmas_of(case_id: UUID, tx: Transaction) -> list[Rma]:
    """Every RMA of the case, locked, oldest first; also one that was being opened while an earlier one's lock was waited for."""
    await tx.flush()
    found = await tx.select(Rma, Rma.c.case_id == case_id, lock=True)
    while len(again := await tx.select(Rma, Rma.c.case_id == case_id, lock=True)) > len(found):
        found = again
    return sorted(found, key=lambda rma: (rma.created_at, rma.id))


async def go_on(rma: Rma, case: CaseFile, tx: Transaction) -> None:
    """Carries out what follows for this RMA by itself, until nothing does."""
    await take_steps(rma, case, lambda: next_step(rma, case), tx)


async def take_steps(rma: Rma, case: CaseFile, decide: Callable[[], Step | None], tx: Transaction) -> None:
    """Carries out what `decide` says, and asks again. A step that changed nothing is not tried a second time."""
    taken: Step | None = None
    while (step := decide()) is not None and step != taken:
        await _carry_out(step, rma, case, tx)
        taken = step


async def _carry_out(step: Step, rma: Rma, case: CaseFile, tx: Transaction) -> None:
    match step:
        case steps.Authorize(reason, overridden):
            await authorize(rma, tx, reason, overridden=overridden)
        case steps.Deny(reason, explanation):
            await deny(rma, reason, explanation, tx)
        case steps.Reserve():
            await reserve_part(rma, tx)
        case steps.Readdress(coverage):
            await readdress_rma(rma, coverage, tx)
        case steps.Cancel(reason):
            await stop_rma(rma, tx, reason)
        case steps.WantReplacementBack(reason):
            await want_replacement_back(rma, tx, reason)
        case steps.Deliver(at, received_by):
            await record_delivery(rma, at, received_by, tx)
        case steps.Install(visit):
            await record_installation_by_visit(rma, visit, tx)
        case steps.Lose(reason, at):
            record_loss(rma, reason, at, tx, again=still_wanted(rma, case))
        case steps.FindDead(symptom, at):
            record_dead_on_arrival(rma, symptom, at, tx, again=still_wanted(rma, case))
        case steps.Replace(reason):
            await _replace(rma, case, tx, reason)
        case steps.Refuse(at):
            record_refusal(rma, at, tx)
        case steps.TurnUp(at):
            await record_find(rma, at, tx)
        case steps.OpenReturnWindow(start):
            await open_return_window(rma, start, tx)
        case steps.HandOverReturn(at):
            hand_over_return(rma, at, tx)
        case steps.LoseReturn(at):
            lose_return(rma, at, tx)
        case steps.Close(outcome):
            close(rma, outcome, tx)


async def _replace(rma: Rma, case: CaseFile, tx: Transaction, reason: str) -> None:
    """The new RMA goes on at once. What is on its way back already is not awaited once more."""
    new = await open_rma_in_place_of(rma, tx, reason)
    await go_on(new, case, tx)
    if rma.state == "lost":
        new.return_required = new.return_required and rma.return_state == "not_required"
