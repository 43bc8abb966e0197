"""Renew a contract, with other options if wanted."""

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
from services.entitlements.reactions.run_contract import activated
from services.entitlements.use_cases.create_contract import Codes

router = Router(tags=["contracts"])


class RenewContract(Command):
    """`options` left out: as before."""

    ends_on: date
    options: Codes | None = None
    reason: Text | None = None


async def renew_contract(contract: Contract, cmd: RenewContract, tx: Transaction) -> Contract:
    """For a locked contract; the plan's features are taken anew.

    Raises ImpossibleTerm, NotYetRenewable, ForbiddenTransition, UnknownOption.
    """
    account = await Account.get(contract.account_id, tx, lock=True)
    policy = await policies.at(tx, plan=contract.plan, region=account.country)
    options = contract.options if cmd.options is None else policy.options_among(cmd.options)
    today = day_of(tx.now, account.time_zone)
    contract.renew(cmd.ends_on, today=today, at=tx.now, by=tx.scope.actor, reason=cmd.reason)
    contract.features, contract.options = policy.features_of(contract.plan), options
    await activated(contract, account, tx, renewed=True)
    return contract


@router.post("/v1/contracts/{contract_id}/renew", dependencies=[allow(*MANAGERS)])
async def renew_contract_route(contract_id: UUID, cmd: RenewContract, tx: Tx) -> ContractOut:
    """Renews a contract: it goes on after its term, or from today after a lapse."""
    contract = await Contract.get(contract_id, tx, lock=True)
    return ContractOut.model_validate(await renew_contract(contract, cmd, tx))
