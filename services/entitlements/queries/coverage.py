"""Is this unit covered, and where does a technician come."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from libs.kit.auth import ACCOUNT_READERS
from libs.kit.fields import ProductNumber, Serial, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging
from services.entitlements.model.coverage import Coverage, coverage_now, registered
from services.entitlements.model.onsite_rule import OnsiteRule
from services.entitlements.model.registration import Registration
from services.entitlements.queries.access import Out, equal, listing

router = Router(tags=["coverage"])
READ = [allow(*ACCOUNT_READERS)]


class CoverageOut(BaseModel):
    covered: bool
    plan: str | None
    features: list[str]
    options: list[str]
    onsite: bool
    reason: str
    onsite_reason: str | None
    replaced_by: str | None = None
    evaluated_at: datetime


class OnsiteRuleOut(Out):
    id: UUID
    country: str
    region: str | None
    family: str | None
    covered: bool
    note: str | None


@router.get("/v1/coverage", dependencies=READ)
async def get_coverage(product_number: ProductNumber, serial: Serial, tx: Tx, caller: Caller) -> CoverageOut:
    """A unit of another account answers like one that nobody registered."""
    found = await registered(product_number, serial, None, tx)
    if found is None or not caller.may_see(found.account_id):
        coverage = Coverage.none("not_registered")
    elif found.replaced_by:
        coverage = Coverage.none("serial_replaced")
    else:
        coverage = await coverage_now(await Registration.get(found.registration_id, tx), tx)
    replaced_by = found.replaced_by if found and coverage.reason == "serial_replaced" else None
    return CoverageOut(**coverage.model_dump(), replaced_by=replaced_by, evaluated_at=tx.now)


@router.get("/v1/onsite-rules", dependencies=READ)
async def list_onsite_rules(
    tx: Tx, paging: Paging, country: Word | None = None, family: Word | None = None
) -> Page[OnsiteRuleOut]:
    filters = equal(OnsiteRule.c.country, country), equal(OnsiteRule.c.family, family)
    return await listing(OnsiteRule, OnsiteRuleOut, paging, tx, *filters)


@router.get("/v1/onsite-rules/{rule_id}", dependencies=READ)
async def get_onsite_rule(rule_id: UUID, tx: Tx) -> OnsiteRuleOut:
    return OnsiteRuleOut.model_validate(await OnsiteRule.get(rule_id, tx))
