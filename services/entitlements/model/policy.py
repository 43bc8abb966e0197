"""What the business may change at run time about entitlements."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, Field

from libs.events.values import TimeOfDay
from libs.kit.fields import Short
from libs.kit.policies import Policies
from libs.kit.problems import Unprocessable

Days = Annotated[int, Field(ge=1, le=3650)]


class UnknownPlan(Unprocessable):
    title = "No such plan"


class UnknownOption(Unprocessable):
    title = "No such option"


class EntitlementsPolicy(BaseModel):
    plans: dict[Short, list[Short]] = {
        "poly_plus": [
            "technical_support_24x7",
            "advance_replacement",
            "next_business_day_delivery",
            "software_updates",
            "premium_software",
            "ecosystem_cloud_partner_support",
            "professional_services_discount",
            "escalation_management",
        ],
    }
    options: list[Short] = ["onsite"]
    included_software: list[Short] = ["Poly Lens Premium"]
    """Licences that come with a contract of the plan, as long as it runs."""
    published_cut_off: TimeOfDay = "15:00"
    never_worse: bool = True
    """An open case keeps the cover it was once told."""
    expiring_days: list[Days] = [90, 30, 7]
    """How long before its end a licence is told to expire."""
    contract_expiring_days: list[Days] = [90, 60, 30]
    """How long before its end a contract is told to expire."""
    offer_days: Days = 90

    def features_of(self, plan: str) -> list[str]:
        """What comes with the plan. Raises UnknownPlan."""
        if plan not in self.plans:
            raise UnknownPlan(f"There is no plan {plan}.", known=sorted(self.plans))
        return self.plans[plan]

    def options_among(self, named: Iterable[str]) -> list[str]:
        """The options that were named, each once and sorted. Raises UnknownOption."""
        if unknown := sorted(set(named) - set(self.options)):
            raise UnknownOption(f"There is no option {', '.join(unknown)}.", known=self.options)
        return sorted(set(named))


policies = Policies("entitlements", EntitlementsPolicy)
