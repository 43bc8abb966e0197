"""Say where, and for which products, a technician comes (S28)."""

from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, Text, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.store.ids import new_id
from services.entitlements.model.case_file import decide_soon, stands_in
from services.entitlements.model.fields import Country, unchanged
from services.entitlements.model.onsite_rule import OnsiteRule, must_be_new
from services.entitlements.queries.coverage import OnsiteRuleOut
from services.entitlements.use_cases.changes import Change

router = Router(tags=["coverage"])


class CreateOnsiteRule(Command):
    """Without a region it holds in the whole country, without a family for every product."""

    country: Country
    region: Line | None = None
    family: Word | None = None
    covered: bool
    note: Text | None = None


class ChangeOnsiteRule(Change):
    covered: bool = unchanged()
    note: Text | None = None


@router.post("/v1/onsite-rules", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_onsite_rule_route(cmd: CreateOnsiteRule, tx: Tx) -> OnsiteRuleOut:
    await must_be_new(cmd.country, cmd.region, cmd.family, tx)
    rule = tx.add(
        OnsiteRule(
            id=new_id(),
            country=cmd.country,
            region=cmd.region,
            family=cmd.family,
            covered=cmd.covered,
            note=cmd.note,
            created_at=tx.now,
        )
    )
    await decide_soon(tx, stands_in(rule.country))
    return OnsiteRuleOut.model_validate(rule)


@router.patch("/v1/onsite-rules/{rule_id}", dependencies=[allow(*MANAGERS)])
async def change_onsite_rule_route(rule_id: UUID, cmd: ChangeOnsiteRule, tx: Tx) -> OnsiteRuleOut:
    """Cases that are open keep what they were told, and get what is better."""
    rule = await OnsiteRule.get(rule_id, tx, lock=True)
    cmd.apply(rule)
    await decide_soon(tx, stands_in(rule.country))
    return OnsiteRuleOut.model_validate(rule)
