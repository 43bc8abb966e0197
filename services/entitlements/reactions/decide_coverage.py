"""Answer a case with what stands behind it, and answer again when that changes."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from libs.events import values
from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.case_file import DECIDE_AGAIN, CaseFile, Opening
from services.entitlements.model.coverage import Coverage, coverage_of, plan_of
from services.entitlements.model.policy import policies
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.model.site import Site
from services.entitlements.queries.decision_context import (
    contact_of_case,
    lineage,
    product_of_case,
    site_of_case,
    told_contact,
    unknown_of_case,
)

_NOT_YET_TOLD: dict[str, Any] = {"unknown": [], "corrections": 0}
"""What a decision from before it had these fields says by leaving them out."""


async def decide(case: CaseFile, tx: Transaction) -> None:
    """For a locked case file: publishes the next revision when the answer is another than the last."""
    if case.opening and case.account_id and not tx.rebuilding:
        units = await lineage(case.opening, case.account_id, tx)
        await _answer(case, case.opening, case.account_id, units[-1] if units else None, tx)


async def decide_from_the_opening(case: CaseFile, tx: Transaction) -> None:
    """Answers for the unit that the case named, then for each that took its place.

    A replacement may have been heard of before the case; the answers are the same as if it had not been.
    """
    if case.opening and case.account_id and not tx.rebuilding:
        units: list[RegisteredSerial | None] = [*await lineage(case.opening, case.account_id, tx)]
        for unit in units or [None]:
            await _answer(case, case.opening, case.account_id, unit, tx)


async def decide_again(account_id: UUID, tx: Transaction) -> None:
    """Something behind the account's cases changed: answers every open one whose answer is another now."""
    await tx.flush()
    for case in await tx.select(CaseFile, CaseFile.c.account_id == account_id, CaseFile.c.is_open, lock=True):
        await decide(case, tx)


async def decide_again_among(account_ids: Iterable[UUID], tx: Transaction) -> None:
    """As `decide_again`, for those of the accounts that have an open case."""
    await tx.flush()
    open_cases = sa.select(CaseFile.c.account_id).where(CaseFile.c.account_id.in_(account_ids), CaseFile.c.is_open)
    for account_id in sorted({record["account_id"] for record in await tx.fetch(open_cases)}):
        await decide_again(account_id, tx)


async def decide_for_registered(account_id: UUID, units: Sequence[UUID], tx: Transaction) -> None:
    """The account registered these units: answers its open cases about them, and no others, of which there may be any number."""
    about_them = (CaseFile.c.account_id == account_id, CaseFile.c.unit.in_(units), CaseFile.c.is_open)
    for case in await tx.select(CaseFile, *about_them, lock=True):
        await decide(case, tx)


async def decide_soon(tx: Transaction, *where: sa.ColumnElement[bool]) -> None:
    """What many accounts go by has changed: each open case is decided again by a timer of its own, in small transactions.

    Nothing is locked here, and the timer's transaction locks case files alone, which are the last in the order of locks.
    """
    for case in await tx.select(CaseFile, CaseFile.c.is_open, *where):
        tx.set_timer(case, DECIDE_AGAIN, tx.now)


async def decide_by_timer(case: CaseFile, tx: Transaction, _detail: str) -> None:
    """A rule, a product or a policy changed."""
    if case.is_open:
        await decide(case, tx)


async def decide_for_units(units: Sequence[UUID], tx: Transaction) -> None:
    """One of these units was replaced. Answers closed cases too: it must not matter which of two services was heard first."""
    for case in await tx.select(CaseFile, CaseFile.c.unit.in_(units), lock=True):
        await decide(case, tx)


async def _answer(
    case: CaseFile, opening: Opening, account_id: UUID, unit: RegisteredSerial | None, tx: Transaction
) -> None:
    account = await Account.find(account_id, tx)
    registration = await Registration.get(unit.registration_id, tx) if unit else None
    site = await site_of_case(opening, registration, account_id, tx)
    contact = await contact_of_case(opening, registration, site, account_id, tx)
    product = await product_of_case(opening, registration, unit, tx)
    coverage = await _coverage(case, opening, registration, site, tx)
    decided = CoverageDecided(
        case_id=case.id,
        account_id=account_id,
        revision=case.decisions + 1,
        **coverage.model_dump(),
        account=account.facts() if account else values.Account(id=account_id, name=""),
        site=site.facts() if site else case.told("site", values.Site),
        contact=contact.facts() if contact else await told_contact(case, account_id, tx),
        product=product or case.told("product", values.Product),
        overridden=case.override is not None,
        unknown=await unknown_of_case(opening, account_id, tx),
        corrections=case.corrections,
        decided_at=tx.now,
    )
    facts = decided.model_dump(mode="json", exclude={"revision", "decided_at"})
    if case.decided is None or facts != {**_NOT_YET_TOLD, **case.decided}:
        case.decided, case.decisions = facts, decided.revision
        tx.emit(decided)


async def _coverage(
    case: CaseFile, opening: Opening, registration: Registration | None, site: Site | None, tx: Transaction
) -> Coverage:
    """The cover of the opening, or today's when it is better; the manager's word over both."""
    if registration is None:
        found = Coverage.none("not_registered" if opening.serial else "no_product")
    else:
        at_opening = await coverage_of(registration, site, opening.opened_at, tx)
        found = at_opening.or_better(await coverage_of(registration, site, tx.now, tx))
    country = site.country if site else None
    policy = await policies.at(tx, plan=found.plan, region=country)
    found.published_cut_off = case.cut_off(policy.published_cut_off, country, never_worse=policy.never_worse)
    decided = case.overridden(case.keep_or_improve(found, never_worse=policy.never_worse))
    if decided.covered and decided.plan is None and registration:
        # By a manager's word; what follows from a plan follows from the unit's.
        decided.plan = await plan_of(registration, tx)
    return decided
