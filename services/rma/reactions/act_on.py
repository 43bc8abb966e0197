"""Act on the facts: `model/next_step.py` decides each step, and the table here says who carries it out."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from libs.store import Transaction
from services.rma.model import steps
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import learn, next_step
from services.rma.model.rma import Rma
from services.rma.model.steps import Replace, Step
from services.rma.reactions.authorize_rma import authorize, deny
from services.rma.reactions.await_return import hand_over_return, lose_return, open_return_window
from services.rma.reactions.close_rma import close
from services.rma.reactions.decide_anew import decide_anew
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
        learn(rma, case)
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
    await take_steps(rma, partial(next_step, rma, case), tx)


async def take_steps(rma: Rma, decide: Callable[[], Step | None], tx: Transaction) -> None:
    """Carries out what `decide` says, and asks again. A step that changed nothing is not tried a second time."""
    taken: Step | None = None
    while (step := decide()) is not None and step != taken:
        await CARRY_OUT[type(step)](rma, step, tx)
        taken = step


async def _replace(rma: Rma, step: Replace, tx: Transaction) -> None:
    """The new RMA goes on at once. What is on its way back already is not awaited once more."""
    new = await open_rma_in_place_of(rma, tx, step.reason)
    await go_on(new, await CaseFile.get(rma.case_id, tx), tx)
    if rma.state == "lost":
        new.return_required = new.return_required and rma.return_state == "not_required"


CARRY_OUT: dict[type[Step], Callable[[Rma, Any, Transaction], Awaitable[None]]] = {
    steps.Authorize: authorize,
    steps.Deny: deny,
    steps.Cancel: stop_rma,
    steps.Reserve: reserve_part,
    steps.Readdress: readdress_rma,
    steps.DecideAnew: decide_anew,
    steps.Replace: _replace,
    steps.Deliver: record_delivery,
    steps.Install: record_installation_by_visit,
    steps.FindDead: record_dead_on_arrival,
    steps.Lose: record_loss,
    steps.Refuse: record_refusal,
    steps.TurnUp: record_find,
    steps.WantReplacementBack: want_replacement_back,
    steps.OpenReturnWindow: open_return_window,
    steps.HandOverReturn: hand_over_return,
    steps.LoseReturn: lose_return,
    steps.Close: close,
}
