"""A time that somebody chose: somebody comes then, or the customer is asked for another (S31)."""

from datetime import datetime

from libs.events.values import Window
from libs.store import Transaction
from services.onsite.model.availability import demand_of, offers, take
from services.onsite.model.slots import Slot
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import Choice
from services.onsite.reactions.plan_visit import move, schedule, tell_wait, wait

_ALTERNATIVES = 3


async def keep_or_ask(
    visit: LockedVisit, choice: Choice, tx: Transaction, *, parts_by: datetime, at: datetime, reason: str
) -> None:
    """Whoever can come at that time does; else no time stands until the customer has chosen one. Asks once."""
    case, order, appointment, _ = visit
    earliest = case.visitable_from(order.diagnosis_id, parts_by)
    slot = None if choice.another_time else await _at_that_time(visit, choice, tx, earliest=earliest)
    if slot and appointment:
        await move(visit, slot, tx, parts_by=parts_by, at=at, chosen_by=choice.by, reason=reason)
    elif slot:
        await schedule(visit, slot, tx, parts_by=parts_by, at=at, chosen_by=choice.by)
    elif order.waiting_for != "customer_choice":
        instead = await alternatives(visit, tx, not_before=max(earliest, choice.window.starts))
        if appointment:
            await wait(visit, tx, reason=reason, at=at, waits_for="customer_choice", alternatives=instead)
        else:
            order.waiting_for = "customer_choice"
            tell_wait(visit, choice, tx, reason=reason, at=at, waits_for="customer_choice", alternatives=instead)


async def ask_for_another_time(visit: LockedVisit, tx: Transaction, *, reason: str) -> None:
    """The visit is called off, whoever had chosen its time; the customer is asked for another. Raises NoVisit."""
    visit.booked()
    instead = []
    if (earliest := visit.earliest) is not None:
        instead = await alternatives(visit, tx, not_before=earliest)
    await wait(
        visit,
        tx,
        reason=reason,
        at=tx.now,
        waits_for="customer_choice",
        alternatives=instead,
        another_time=True,
    )


async def alternatives(visit: LockedVisit, tx: Transaction, *, not_before: datetime) -> list[Window]:
    """The first windows that the customer can choose from; `/slots` has them all."""
    windows: dict[datetime, Window] = {}
    demand = await demand_of(visit.case, visit.order, tx, not_before=not_before)
    for slot in await offers(visit.order, demand, tx):
        windows.setdefault(slot.window.starts, slot.window)
        if len(windows) == _ALTERNATIVES:
            break
    return [*windows.values()]


async def _at_that_time(visit: LockedVisit, choice: Choice, tx: Transaction, *, earliest: datetime) -> Slot | None:
    starts = choice.window.starts
    if starts < earliest:
        return None
    demand = await demand_of(visit.case, visit.order, tx, not_before=starts)
    return await take(visit.order, demand, tx, starts=starts)
