"""What was done at the site without a network is told later, with when it was done."""

from pydantic import AwareDatetime, Field

from libs.kit.http import Command
from libs.store import Transaction
from services.onsite.model.availability import policy_for
from services.onsite.model.happened import Moment, moment
from services.onsite.model.visit import LockedVisit


class ToldLater(Command):
    """A step of the day. Steps are told in the order in which they were done."""

    happened_at: AwareDatetime | None = Field(None, description="when it was done, where it is told later")


AT_THIS_MOMENT = ToldLater()


async def moment_of(visit: LockedVisit, cmd: ToldLater, tx: Transaction) -> Moment:
    """When it was done. Raises NotThen."""
    policy = await policy_for(visit.case, tx)
    return moment(cmd.happened_at, after=visit.booked().last_done_at, now=tx.now, policy=policy)
