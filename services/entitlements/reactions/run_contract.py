"""What a contract's beginning, renewal and end bring about: cover, included licences, discounts, other contracts, open cases."""

from libs.events.entitlements import ContractActivated, ContractExpired
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.contract import BEGIN, END, Contract, Ending
from services.entitlements.model.days import begins, day_of
from services.entitlements.model.policy import policies
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
