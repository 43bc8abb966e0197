"""Write a contract: it begins by itself on its first day, or at once when that has come."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.kit.auth import MANAGERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.entitlements.model.account import Account, must_be_of_account
from services.entitlements.model.contract import Contract, machine, term_of
from services.entitlements.model.days import day_of
from services.entitlements.model.history import Change
from services.entitlements.model.policy import policies
from services.entitlements.queries.access import account_of
from services.entitlements.queries.contracts import ContractOut
from services.entitlements.reactions.run_contract import begin_contract, set_timers

router = Router(tags=["contracts"])
Codes = Annotated[list[Word], Field(max_length=50)]


class CreateContract(Command):
    """`families`: the product families that it covers; none named: all. `ends_on` is the last day of cover."""

    account_id: UUID
    plan: Word = "poly_plus"
    options: Codes = Field(default_factory=list)
    families: Codes = Field(default_factory=list)
    starts_on: date
    ends_on: date
    supersedes_id: UUID | None = None


async def create_contract(cmd: CreateContract, account: Account, tx: Transaction) -> Contract:
    """For a locked account. Raises ImpossibleTerm, UnknownPlan, UnknownOption, NotOfThisAccount."""
    policy = await policies.at(tx, plan=cmd.plan, region=account.country)
    options = policy.options_among(cmd.options)
    await must_be_of_account(Contract, cmd.supersedes_id, account.id, tx)
    contract = tx.add(
        Contract(
            id=new_id(),
            account_id=account.id,
            number=await tx.next_number("PPC"),
            plan=cmd.plan,
            features=policy.features_of(cmd.plan),
            options=options,
            families=sorted(set(cmd.families)),
            terms=[term_of(cmd.starts_on, cmd.ends_on)],
            ended_on=None,
            state=machine.initial,
            supersedes_id=cmd.supersedes_id,
            history=[Change(state=machine.initial, at=tx.now, by=tx.scope.actor)],
            created_at=tx.now,
        )
    )
    if contract.term.starts_on <= day_of(tx.now, account.time_zone):
        await begin_contract(contract, tx)
    else:
        set_timers(contract, account, tx)
    return contract


@router.post("/v1/contracts", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_contract_route(cmd: CreateContract, tx: Tx, caller: Caller) -> ContractOut:
    """Writes a contract; it begins by itself on its first day, or at once when that has come."""
    return ContractOut.model_validate(await create_contract(cmd, await account_of(caller, cmd.account_id, tx), tx))
