"""Whether a contract covers a unit on a day, and what comes with it. Decided here and nowhere else (S28)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self, TypedDict
from uuid import UUID

from pydantic import BaseModel

from libs.events.entitlements import registration_key
from libs.events.values import TimeOfDay
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract
from services.entitlements.model.days import day_of
from services.entitlements.model.onsite_rule import onsite_refusal
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.model.site import Site


class CoverageFacts(TypedDict):
    contract_id: UUID | None
    plan: str | None
    features: list[str]


class Coverage(BaseModel):
    """A decision and what it rests on. `reason` and `onsite_reason` are codes."""

    covered: bool
    reason: str
    plan: str | None = None
    contract_id: UUID | None = None
    features: list[str] = []
    options: list[str] = []
    onsite: bool = False
    onsite_reason: str | None = None
    published_cut_off: TimeOfDay = "15:00"

    @classmethod
    def none(cls, reason: str) -> Self:
        """No cover, for this reason (a code)."""
        return cls(covered=False, reason=reason, onsite_reason="not_covered")

    def facts(self) -> CoverageFacts:
        """What events of a registration say of its cover."""
        return {"contract_id": self.contract_id, "plan": self.plan, "features": self.features}

    def worse_than(self, other: "Coverage") -> bool:
        """Whether anything that `other` gives is lost."""
        lost_features = other.covered and not set(other.features) <= set(self.features)
        return (other.covered and not self.covered) or (other.onsite and not self.onsite) or lost_features

    def or_better(self, other: "Coverage") -> "Coverage":
        """`other` when it gives something more and takes nothing away, else this one."""
        return other if self.worse_than(other) and not other.worse_than(self) else self


async def registered(
    product_number: str, serial: str, account_id: UUID | None, tx: Transaction
) -> RegisteredSerial | None:
    """The row of this serial, when the account has registered it; `account_id` None: whoever has."""
    found = await RegisteredSerial.find(registration_key(product_number, serial), tx)
    return found if found and account_id in (None, found.account_id) else None


async def coverage_of(registration: Registration, site: Site | None, at: datetime, tx: Transaction) -> Coverage:
    """What the account's contracts give to this unit at `at`."""
    account = await Account.get(registration.account_id, tx)
    contracts = await tx.select(Contract, Contract.c.account_id == account.id)
    day = day_of(at, account.time_zone)
    for_family = [each for each in contracts if each.covers_family(registration.family)]
    running = [each for each in for_family if each.runs_on(day)]
    if not running:
        return Coverage.none(_why_none(contracts, for_family))
    chosen = max(running, key=lambda each: _weight(each, registration))
    why_not_onsite = await _why_not_onsite(chosen, registration, site, tx)
    return Coverage(
        covered=True,
        reason="active_contract",
        plan=chosen.plan,
        contract_id=chosen.id,
        features=chosen.features,
        options=chosen.options,
        onsite=why_not_onsite is None,
        onsite_reason=why_not_onsite,
    )


async def plan_of(registration: Registration, tx: Transaction) -> str | None:
    """That of the contract for this unit, also one that has not begun or has ended; None where there is none."""
    contracts = await tx.select(Contract, Contract.c.account_id == registration.account_id)
    of_unit = [each for each in contracts if each.covers_family(registration.family)]
    return max(of_unit, key=lambda each: _weight(each, registration)).plan if of_unit else None


def _weight(contract: Contract, registration: Registration) -> tuple[bool, bool, int, str]:
    """The heaviest of several running contracts counts: the unit's own, then one with onsite, then the one that runs longest."""
    return (
        contract.id == registration.contract_id,
        "onsite" in contract.options,
        contract.last_day.toordinal(),
        contract.number,
    )


def _why_none(contracts: list[Contract], for_family: list[Contract]) -> str:
    if not contracts:
        return "no_contract"
    if not for_family:
        return "product_not_in_contract"
    if any(each.state == "scheduled" for each in for_family):
        return "contract_not_begun"
    last = max(for_family, key=lambda each: (each.last_day, each.number))
    return "contract_cancelled" if last.state == "cancelled" else "contract_expired"


async def _why_not_onsite(
    contract: Contract, registration: Registration, site: Site | None, tx: Transaction
) -> str | None:
    if "onsite" not in contract.options:
        return "option_not_bought"
    if site is None:
        return "site_unknown"
    return await onsite_refusal(site.country, site.region, registration.family, tx)


async def site_of(registration: Registration, tx: Transaction) -> Site | None:
    """Where the unit stands, as far as somebody said."""
    return await Site.find(registration.site_id, tx) if registration.site_id else None


async def coverage_now(registration: Registration, tx: Transaction) -> Coverage:
    """What the account's contracts give to this unit now, where it stands."""
    return await coverage_of(registration, await site_of(registration, tx), tx.now, tx)


async def coverages_now(registrations: Iterable[Registration], tx: Transaction) -> list[Coverage]:
    """`coverage_now` of each. Units of one account, family, contract and site are covered alike and looked up once."""
    known: dict[tuple[object, ...], Coverage] = {}
    found = []
    for each in registrations:
        alike = each.account_id, each.family, each.contract_id, each.site_id
        if alike not in known:
            known[alike] = await coverage_now(each, tx)
        found.append(known[alike])
    return found
