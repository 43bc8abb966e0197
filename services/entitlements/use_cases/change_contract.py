"""Renew a contract, with other options if wanted, or end it early."""

from datetime import date
from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Text
from libs.kit.http import Command, Router, Tx, allow
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract
from services.entitlements.model.days import day_of
from services.entitlements.model.policy import policies
from services.entitlements.queries.contracts import ContractOut
from services.entitlements.use_cases.run_contract import activated, end_contract
from services.entitlements.use_cases.write_contract import Codes, UnknownOption

router = Router(tags=["contracts"])


class RenewContract(Command):
    ends_on: date
    options: Codes | None = None  # None: as before
    reason: Text | None = None


class CancelContract(Command):
    reason: Text


async def renew_contract(contract: Contract, cmd: RenewContract, tx: Transaction) -> Contract:
    """The plan's features are taken anew. Raises ImpossibleTerm, NotYetRenewable, ForbiddenTransition, UnknownOption."""
    account = await Account.get(contract.account_id, tx, lock=True)
    policy = await policies.at(tx, plan=contract.plan, region=account.country)
    if unknown := set(cmd.options or ()) - set(policy.options):
        raise UnknownOption(f"There is no option {', '.join(sorted(unknown))}.", known=policy.options)
    today = day_of(tx.now, account.time_zone)
    contract.renew(cmd.ends_on, today=today, at=tx.now, by=tx.scope.actor, reason=cmd.reason)
    contract.features = policy.features_of(contract.plan)
    if cmd.options is not None:
        contract.options = sorted(set(cmd.options))
    await activated(contract, account, tx, renewed=True)
    return contract


@router.post("/v1/contracts/{contract_id}/renew", dependencies=[allow(*MANAGERS)])
async def renew_contract_route(contract_id: UUID, cmd: RenewContract, tx: Tx) -> ContractOut:
    contract = await Contract.get(contract_id, tx, lock=True)
    return ContractOut.model_validate(await renew_contract(contract, cmd, tx))


@router.post("/v1/contracts/{contract_id}/cancel", dependencies=[allow(*MANAGERS)])
async def cancel_contract_route(contract_id: UUID, cmd: CancelContract, tx: Tx) -> ContractOut:
    contract = await Contract.get(contract_id, tx, lock=True)
    await end_contract(contract, "cancelled", tx, reason=cmd.reason)
    return ContractOut.model_validate(contract)
