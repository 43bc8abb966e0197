"""Where, and for which products, a technician comes (S28): rules as data, the most specific decides."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from libs.kit.problems import Conflict
from libs.store import Compiled, Entity, Reference, Transaction


class RuleExists(Conflict):
    title = "There is a rule for this already"


class OnsiteRule(Entity, table="onsite_rules", indexes=("country",), reference=True):
    """`region` and `family` None: any. Of several that match, one that names both weighs most, then the region's."""

    country: str
    region: str | None
    family: str | None
    covered: bool
    note: str | None
    created_at: datetime

    def matches(self, country: str, region: str | None, family: str) -> bool:
        """Whether it says something of such a product in such a place."""
        return self.country == country and self.region in (None, region) and self.family in (None, family)

    @property
    def weight(self) -> tuple[bool, bool]:
        """Orders rules by how much they name."""
        return self.region is not None, self.family is not None


def refusal(rules: Sequence[OnsiteRule], country: str, region: str | None, family: str) -> str | None:
    """Why no technician comes for such a product to such a place; None when one does."""
    here = [rule for rule in rules if rule.country == country and rule.region in (None, region)]
    matching = [rule for rule in here if rule.matches(country, region, family)]
    if not matching:
        return "product_not_covered" if any(rule.covered for rule in here) else "location_not_covered"
    decisive = max(matching, key=lambda rule: rule.weight)
    if decisive.covered:
        return None
    return "product_not_covered" if decisive.family else "location_not_covered"


_ALL = Compiled(sa.select(OnsiteRule.table).order_by(OnsiteRule.c.id))
_rules = Reference(lambda tx: tx.read_only(OnsiteRule, _ALL))


async def onsite_refusal(country: str, region: str | None, family: str, tx: Transaction) -> str | None:
    """`refusal` by the rules that hold now."""
    return refusal(await _rules(tx), country, region, family)


async def must_be_new(country: str, region: str | None, family: str | None, tx: Transaction) -> None:
    """Raises RuleExists when there is a rule for the very same places and products."""
    c = OnsiteRule.c
    same = await tx.first(
        OnsiteRule, c.country == country, c.region.is_not_distinct_from(region), c.family.is_not_distinct_from(family)
    )
    if same:
        raise RuleExists("Change the rule that is there instead.", rule_id=str(same.id))
