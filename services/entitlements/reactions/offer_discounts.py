"""An account with an active contract is eligible for a discount on professional services (S22)."""

from datetime import timedelta

from libs.events.entitlements import DiscountOffered
from libs.store import Transaction
from libs.store.ids import derived
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract
from services.entitlements.model.days import day_of
from services.entitlements.model.offer import Offer, Reseller
from services.entitlements.model.policy import policies
from services.entitlements.model.site import Site


async def offer_discounts(account: Account, tx: Transaction) -> None:
    """One offer for each term of each active contract and each country of the account's sites, told once."""
    await tx.flush()
    sites = await tx.select(Site, Site.c.account_id == account.id)
    countries = sorted({site.country for site in sites} or {account.country})
    for contract in await tx.select(Contract, Contract.c.account_id == account.id, Contract.c.state == "active"):
        for country in countries:
            await _offer(account, contract, country, tx)


async def _offer(account: Account, contract: Contract, country: str, tx: Transaction) -> None:
    id = derived(contract.id, f"offer:{contract.term.ends_on}:{country}")
    if await Offer.find(id, tx):
        return
    policy = await policies.at(tx, plan=contract.plan, region=country)
    if "professional_services_discount" not in contract.features:
        return
    local = await tx.select(Reseller, Reseller.c.country == country)
    today = day_of(tx.now, account.time_zone)
    offer = tx.add(
        Offer(
            id=id,
            account_id=account.id,
            contract_id=contract.id,
            reference=await tx.next_number("OFFER"),
            country=country,
            resellers=[reseller.facts() for reseller in local],
            valid_until=min(contract.last_day, today + timedelta(days=policy.offer_days)),
            created_at=tx.now,
        )
    )
    tx.emit(DiscountOffered(**offer.facts(), offered_at=tx.now))


async def end_offers(contract: Contract, account: Account, tx: Transaction) -> None:
    """Takes back what was on offer under a contract that has ended."""
    yesterday = day_of(tx.now, account.time_zone) - timedelta(days=1)
    for offer in await tx.select(Offer, Offer.c.contract_id == contract.id, lock=True):
        offer.valid_until = min(offer.valid_until, yesterday)
