"""Say where, and for which products, a technician comes (S28)."""

from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Country, Line, Text, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.entitlements.model.case_file import stands_in
from services.entitlements.model.onsite_rule import OnsiteRule, must_be_new
from services.entitlements.queries.coverage import OnsiteRuleOut
from services.entitlements.reactions.decide_coverage import decide_soon

router = Router(tags=["coverage"])


class OnsiteRuleFields(Command):
    covered: bool
    note: Text | None = None


class CreateOnsiteRule(New, OnsiteRuleFields):
    """Without a region it holds in the whole country, without a family for every product."""

    country: Country
    region: Line | None = None
    family: Word | None = None


class ChangeOnsiteRule(Patch, OnsiteRuleFields):
    """Where it holds, and for which products, stays."""


@router.post("/v1/onsite-rules", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_onsite_rule_route(cmd: CreateOnsiteRule, tx: Tx) -> OnsiteRuleOut:
    """Adds a rule; open cases get what is better for them (S28)."""
    await must_be_new(cmd.country, cmd.region, cmd.family, tx)
    rule = cmd.make(OnsiteRule, tx)
    await decide_soon(tx, stands_in(rule.country))
    return OnsiteRuleOut.model_validate(rule)


@router.patch("/v1/onsite-rules/{rule_id}", dependencies=[allow(*MANAGERS)])
async def change_onsite_rule_route(rule_id: UUID, cmd: ChangeOnsiteRule, tx: Tx) -> OnsiteRuleOut:
    """Cases that are open keep what they were told, and get what is better."""
    rule = await OnsiteRule.get(rule_id, tx, lock=True)
    if cmd.apply_to(rule):
        await decide_soon(tx, stands_in(rule.country))
    return OnsiteRuleOut.model_validate(rule)
