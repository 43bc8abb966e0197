"""A licence's life by the calendar: told before it ends, ended after its last day (S17); those that a contract includes (S13)."""

import secrets
from datetime import date, timedelta
from uuid import UUID

from libs.events.entitlements import LicenceExpiring, LicenceIssued
from libs.store import Transaction
from libs.store.ids import derived
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract
from services.entitlements.model.days import begins, day_of
from services.entitlements.model.history import Change
from services.entitlements.model.licence import END, EXPIRING, Licence, machine
from services.entitlements.model.policy import EntitlementsPolicy


def new_key() -> str:
    """A licence key that nobody guesses: PPL and 80 random bits."""
    digits = secrets.token_hex(10).upper()
    return "-".join(["PPL", *(digits[i : i + 5] for i in range(0, 20, 5))])


def start_licence(licence: Licence, account: Account, policy: EntitlementsPolicy, tx: Transaction) -> Licence:
    """Adds it, tells of it, and sets its timers."""
    tx.add(licence)
    licence.history = [Change(state=machine.initial, at=tx.now, by=tx.scope.actor)]
    tx.emit(
        LicenceIssued(
            **licence.facts(),
            contract_id=licence.contract_id,
            premium=licence.premium,
            seats=licence.seats,
            valid_from=licence.valid_from,
            valid_until=licence.valid_until,
            issued_at=tx.now,
        )
    )
    follow_validity(licence, account, policy, tx)
    return licence


def follow_validity(
    licence: Licence, account: Account, policy: EntitlementsPolicy, tx: Transaction, *, reason: str | None = None
) -> None:
    """Sets its timers anew. One that ends soon is told of once, now."""
    for days, _ in licence.tells_on():
        tx.cancel_timer(licence, f"{EXPIRING}:{days}")
    licence.distances = sorted(set(policy.expiring_days), reverse=True)
    today = day_of(tx.now, account.time_zone)
    for days, day in licence.tells_on():
        if day > today:
            tx.set_timer(licence, f"{EXPIRING}:{days}", begins(day, account.time_zone))
    tx.cancel_timer(licence, END)
    if licence.valid_until and licence.valid_until >= today:
        tx.set_timer(licence, END, begins(licence.valid_until + timedelta(days=1), account.time_zone))
    licence.catch_up(today, at=tx.now, by=tx.scope.actor, reason=reason)
    if licence.state == "expiring":
        _tell(licence, today, tx)


async def tell_expiring(licence: Licence, tx: Transaction, detail: str) -> None:
    """One of the policy's distances before its end is reached."""
    today = await _today(licence, tx)
    licence.catch_up(today, at=tx.now, by=tx.scope.actor, reason=f"{detail} days left")
    if licence.state == "expiring":
        _tell(licence, today, tx)


async def end_licence(licence: Licence, tx: Transaction, _detail: str) -> None:
    """Its last day has passed."""
    licence.catch_up(await _today(licence, tx), at=tx.now, by=tx.scope.actor, reason="its validity ended")


async def include_licences(contract: Contract, account: Account, policy: EntitlementsPolicy, tx: Transaction) -> None:
    """The premium software of the plan, valid as long as the contract runs; a renewal extends what is there."""
    if "premium_software" not in contract.features:
        return
    for software in policy.included_software:
        id = derived(contract.id, f"licence:{software}")
        licence = await Licence.find(id, tx, lock=True)
        if licence:
            licence.valid_until = contract.last_day
            follow_validity(licence, account, policy, tx, reason=f"{contract.number} was renewed")
        else:
            start_licence(_included(id, software, contract, tx), account, policy, tx)


def _included(id: UUID, software: str, contract: Contract, tx: Transaction) -> Licence:
    return Licence(
        id=id,
        account_id=contract.account_id,
        key=new_key(),
        software=software,
        premium=True,
        contract_id=contract.id,
        product_number=None,
        serial=None,
        seats=None,
        valid_from=contract.term.starts_on,
        valid_until=contract.last_day,
        state=machine.initial,
        distances=[],
        history=[],
        created_at=tx.now,
    )


async def end_licences(contract: Contract, account: Account, policy: EntitlementsPolicy, tx: Transaction) -> None:
    """A contract that ended early takes its licences with it."""
    for licence in await tx.select(Licence, Licence.c.contract_id == contract.id, lock=True):
        licence.valid_until = _earlier(licence.valid_until, contract.last_day)
        follow_validity(licence, account, policy, tx, reason=f"{contract.number} has ended")


def _earlier(day: date | None, other: date) -> date:
    return min(day, other) if day else other


def _tell(licence: Licence, today: date, tx: Transaction) -> None:
    assert licence.valid_until is not None, "only a licence that ends is expiring"
    left = (licence.valid_until - today).days
    tx.emit(LicenceExpiring(**licence.facts(), valid_until=licence.valid_until, days_left=left))


async def _today(licence: Licence, tx: Transaction) -> date:
    return day_of(tx.now, (await Account.get(licence.account_id, tx)).time_zone)
