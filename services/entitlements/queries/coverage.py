"""Is this unit covered, and where does a technician come."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from libs.kit.auth import ACCOUNT_READERS
from libs.kit.fields import ProductNumber, Serial, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed
from libs.kit.paging import Page
from services.entitlements.model.coverage import Coverage, coverage_now, registered
from services.entitlements.model.onsite_rule import OnsiteRule
from services.entitlements.model.registration import Registration

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
async def get_coverage_route(product_number: ProductNumber, serial: Serial, tx: Tx, caller: Caller) -> CoverageOut:
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


class OnsiteRuleList(Listing):
    country: Word | None = None
    family: Word | None = None


@router.get("/v1/onsite-rules", dependencies=READ)
async def list_onsite_rules_route(tx: Tx, asked: Annotated[OnsiteRuleList, Query()]) -> Page[OnsiteRuleOut]:
    """Where, and for which products, a technician comes (S28)."""
    return await listed(tx, OnsiteRule, asked, out=OnsiteRuleOut.model_validate)


@router.get("/v1/onsite-rules/{rule_id}", dependencies=READ)
async def get_onsite_rule_route(rule_id: UUID, tx: Tx) -> OnsiteRuleOut:
    """One rule."""
    return OnsiteRuleOut.model_validate(await OnsiteRule.get(rule_id, tx))
