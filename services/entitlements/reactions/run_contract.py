"""What a contract's beginning, renewal and end bring about: cover, included licences, discounts, other contracts, open cases."""

from datetime import date, timedelta

from libs.events.entitlements import ContractActivated, ContractExpired, ContractExpiring
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.contract import BEGIN, END, EXPIRING, Contract, Ending
from services.entitlements.model.days import begins, day_of
from services.entitlements.model.policy import EntitlementsPolicy, policies
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.reactions.offer_discounts import end_offers, offer_discounts
from services.entitlements.reactions.publish_registrations import publish_registrations
from services.entitlements.reactions.run_licence import end_licences, include_licences


def set_timers(contract: Contract, account: Account, tx: Transaction) -> None:
    """For its first instant, and for the first instant after its last day."""
    if contract.state == "scheduled":
        tx.set_timer(contract, BEGIN, begins(contract.term.starts_on, account.time_zone))
    tx.set_timer(contract, END, begins(contract.term.day_after, account.time_zone))


async def begin_contract(contract: Contract, tx: Transaction, _detail: str = "") -> None:
    """Its first day has come; also for a new contract whose term has begun already. Raises ForbiddenTransition."""
    account = await Account.get(contract.account_id, tx, lock=True)
    contract.begin(at=tx.now, by=tx.scope.actor)
    if contract.supersedes_id:
        earlier = await Contract.get(contract.supersedes_id, tx, lock=True)
        if earlier.state == "active":
            await end_contract(earlier, "superseded", tx, reason=contract.number)
    await activated(contract, account, tx, renewed=False)


async def tell_expiring(contract: Contract, tx: Transaction, _detail: str = "") -> None:
    """One of the policy's distances before its end is reached. A late timer tells once of all that it has passed."""
    account = await Account.get(contract.account_id, tx)
    policy = await policies.at(tx, plan=contract.plan, region=account.country)
    today = day_of(tx.now, account.time_zone)
    left = (contract.last_day - today).days
    if contract.state != "active" or left < 0:
        return
    if left <= max(policy.contract_expiring_days, default=-1):
        tx.emit(ContractExpiring(**contract.facts(), ends_on=contract.last_day, days_left=left, told_at=tx.now))
    _tell_from(today + timedelta(days=1), contract, account, policy, tx)


def _tell_from(day: date, contract: Contract, account: Account, policy: EntitlementsPolicy, tx: Transaction) -> None:
    """Sets the timer of the first distance from this day on; what was passed before it was written or renewed is not told."""
    tx.cancel_timer(contract, EXPIRING)
    if next_day := contract.tells_on(day, policy.contract_expiring_days):
        tx.set_timer(contract, EXPIRING, begins(next_day, account.time_zone))


async def end_by_term(contract: Contract, tx: Transaction, _detail: str = "") -> None:
    """Its last day has passed. Raises ForbiddenTransition."""
    await end_contract(contract, "term", tx)


async def activated(contract: Contract, account: Account, tx: Transaction, *, renewed: bool) -> None:
    """Tells that it began or was renewed, and brings what comes with it: licences (S13), offers (S22), cover for open cases."""
    set_timers(contract, account, tx)
    tx.emit(
        ContractActivated(
            **contract.facts(),
            features=contract.features,
            options=contract.options,
            starts_on=contract.term.starts_on,
            ends_on=contract.last_day,
            renewed=renewed,
            by=tx.scope.actor,
            activated_at=tx.now,
        )
    )
    policy = await policies.at(tx, plan=contract.plan, region=account.country)
    _tell_from(day_of(tx.now, account.time_zone), contract, account, policy, tx)
    await include_licences(contract, account, policy, tx)
    await offer_discounts(account, tx)
    await _cover_changed(account, tx)


async def end_contract(contract: Contract, why: Ending, tx: Transaction, *, reason: str | None = None) -> None:
    """Ends it with all that came with it. One that has not begun is only cancelled: nobody was told that it ran.

    Raises ForbiddenTransition.
    """
    account = await Account.get(contract.account_id, tx, lock=True)
    ran = contract.state == "active"
    contract.end(why, today=day_of(tx.now, account.time_zone), at=tx.now, by=tx.scope.actor, reason=reason)
    tx.cancel_timer(contract, BEGIN)
    tx.cancel_timer(contract, EXPIRING)
    tx.cancel_timer(contract, END)
    if not ran:
        return
    tx.emit(ContractExpired(**contract.facts(), ends_on=contract.last_day, reason=why, expired_at=tx.now))
    policy = await policies.at(tx, plan=contract.plan, region=account.country)
    await end_licences(contract, account, policy, tx)
    await end_offers(contract, account, tx)
    await _cover_changed(account, tx)


async def _cover_changed(account: Account, tx: Transaction) -> None:
    await publish_registrations(account.id, tx)
    await decide_again(account.id, tx)
