"""Who joined a call, and by which link, is forgotten some weeks after it is over."""

from datetime import datetime, timedelta

from libs.store import Transaction
from services.ecps.model.joint_call import FORGET_PEOPLE, JointCall
from services.ecps.model.policy import policies


async def forget_later(call: JointCall, tx: Transaction) -> None:
    """For a locked call that got its time, moved, was held or cancelled."""
    if due := await _due(call, tx):
        tx.set_timer(call, FORGET_PEOPLE, due)


async def forget_people(call: JointCall, tx: Transaction, _detail: str) -> None:
    """The time has come, unless the call has another time or the policy another number by now."""
    due = await _due(call, tx)
    if due and due > tx.now:
        tx.set_timer(call, FORGET_PEOPLE, due)
    else:
        call.forget_people()


async def _due(call: JointCall, tx: Transaction) -> datetime | None:
    days = (await policies.at(tx)).call_people_days
    return call.over_at and call.over_at + timedelta(days=days)
