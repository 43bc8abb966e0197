"""Answer a case with what stands behind it, and answer again when that changes."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from libs.events import values
from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.case_file import CaseFile, Opening
from services.entitlements.model.coverage import Coverage, coverage_of
from services.entitlements.model.policy import policies
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.model.site import Site
from services.entitlements.use_cases.case_context import (
    contact_of_case,
    lineage,
    product_of_case,
    site_of_case,
    unknown_of_case,
)

V = TypeVar("V", bound=values.Value)
_NOT_YET_TOLD: dict[str, Any] = {"unknown": []}
"""What a decision from before it had these fields says by leaving them out."""


async def decide(file: CaseFile, tx: Transaction) -> None:
    """Publishes the next revision when the answer is another than the last."""
    if file.opening and file.account_id and not tx.rebuilding:
        units = await lineage(file.opening, file.account_id, tx)
        await _answer(file, file.opening, file.account_id, units[-1] if units else None, tx)


async def decide_from_the_opening(file: CaseFile, tx: Transaction) -> None:
    """For the unit as the case named it, then for each that took its place, though they may have been heard of before the case."""
    if file.opening and file.account_id and not tx.rebuilding:
        units: list[RegisteredSerial | None] = [*await lineage(file.opening, file.account_id, tx)]
        for unit in units or [None]:
            await _answer(file, file.opening, file.account_id, unit, tx)


async def decide_again(account_id: UUID, tx: Transaction) -> None:
    """Something behind the account's cases changed: answers every open one whose answer is another now."""
    await tx.flush()
    for file in await tx.select(CaseFile, CaseFile.c.account_id == account_id, CaseFile.c.is_open, lock=True):
        await decide(file, tx)


async def decide_for_registered(account_id: UUID, units: Sequence[UUID], tx: Transaction) -> None:
    """The account registered these units: answers its open cases about them. What else it has open can be any number."""
    about_them = (CaseFile.c.account_id == account_id, CaseFile.c.unit.in_(units), CaseFile.c.is_open)
    files = await tx.select(CaseFile, *about_them, lock=True)
    if files:
        await tx.flush()
    for file in files:
        await decide(file, tx)


async def decide_by_timer(file: CaseFile, tx: Transaction, _detail: str) -> None:
    """A rule, a product or a policy changed."""
    if file.is_open:
        await decide(file, tx)


async def decide_for_units(units: Sequence[UUID], tx: Transaction) -> None:
    """One of these units was replaced. Answers closed cases too: it must not matter which of two services was heard first."""
    await tx.flush()
    for file in await tx.select(CaseFile, CaseFile.c.unit.in_(units), lock=True):
        await decide(file, tx)


async def _answer(
    file: CaseFile, opening: Opening, account_id: UUID, unit: RegisteredSerial | None, tx: Transaction
) -> None:
    account = await Account.find(account_id, tx)
    registration = await Registration.get(unit.registration_id, tx) if unit else None
    site = await site_of_case(opening, registration, account_id, tx)
    contact = await contact_of_case(opening, registration, site, account_id, tx)
    product = await product_of_case(opening, registration, unit, tx)
    coverage = await _coverage(file, opening, registration, site, tx)
    decided = CoverageDecided(
        case_id=file.id,
        account_id=account_id,
        revision=file.decisions + 1,
        **coverage.model_dump(),
        account=account.facts() if account else values.Account(id=account_id, name=""),
        site=site.facts() if site else _told(file, "site", values.Site),
        contact=contact.facts() if contact else _told(file, "contact", values.Contact),
        product=product or _told(file, "product", values.Product),
        overridden=file.override is not None,
        unknown=await unknown_of_case(opening, account_id, tx),
        decided_at=tx.now,
    )
    facts = decided.model_dump(mode="json", exclude={"revision", "decided_at"})
    if file.decided is None or facts != {**_NOT_YET_TOLD, **file.decided}:
        file.decided, file.decisions = facts, decided.revision
        tx.emit(decided)


async def _coverage(
    file: CaseFile, opening: Opening, registration: Registration | None, site: Site | None, tx: Transaction
) -> Coverage:
    """As it was when the case opened, or as it is now when that is better; the manager's word over both."""
    if registration is None:
        found = Coverage.none("not_registered" if opening.serial else "no_product")
    else:
        found = await coverage_of(registration, site, opening.opened_at, tx)
        now = await coverage_of(registration, site, tx.now, tx)
        if found.worse_than(now) and not now.worse_than(found):
            found = now
    country = site.country if site else None
    policy = await policies.at(tx, plan=found.plan, region=country)
    found.published_cut_off = file.cut_off(policy.published_cut_off, country, never_worse=policy.never_worse)
    return file.overridden(file.keep_or_improve(found, never_worse=policy.never_worse))


def _told(file: CaseFile, name: str, kind: type[V]) -> V | None:
    """Context is never taken back: what the case was told before stays when the present has nothing in its place."""
    told = (file.decided or {}).get(name)
    return kind.model_validate(told) if told else None
