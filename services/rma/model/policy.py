"""The numbers that the business may change at run time; what stands here is the seeded default."""

from typing import Annotated

from pydantic import BaseModel, Field

from libs.events.values import CurrencyCode, TimeOfDay
from libs.kit.fields import Text
from libs.kit.policies import Policies
from libs.store import Transaction
from services.rma.model.rma import Rma

Days = Annotated[int, Field(ge=0, le=365)]


class RmaPolicy(BaseModel):
    """Business days are the destination's. `close_days_after_delivery`: of what is neither returned nor confirmed."""

    depot_cut_off: TimeOfDay = "15:00"
    # Lanes are compared by price, so all have theirs in one.
    lane_currency: CurrencyCode = "USD"
    return_business_days: Days = 10
    reminder_business_days_before: list[Days] = [5, 1]
    invoice_business_days_after: Days = 5
    repeat_replacement_days: Days = 90
    close_days_after_delivery: Days = 30
    carrier_grace_minutes: Annotated[int, Field(ge=0, le=1440)] = 60
    paid_path: str = "The part can be bought from your local reseller; the price is the list price."


class NewRmaPolicy(RmaPolicy):
    """As a manager may change it."""

    paid_path: Text = RmaPolicy.model_fields["paid_path"].default


policies = Policies("rma", RmaPolicy, sent=NewRmaPolicy)


async def policy_for(rma: Rma, tx: Transaction) -> RmaPolicy:
    """The numbers in force for this RMA: by its plan, the country that it goes to, and its severity."""
    country = rma.ship_to.country if rma.ship_to else None
    return await policies.at(tx, plan=rma.plan, region=country, severity=rma.severity)
