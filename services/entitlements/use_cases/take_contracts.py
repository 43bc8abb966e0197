"""Contracts from a table; a row is a contract's by its account, plan, families and first day."""

import re
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from fastapi import Request

from libs.kit.auth import MANAGERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.tables.rehearsal import DryRun
from libs.tables.taking import LIMIT, Cells, Done, Sheet, TableResult, taken, the_one
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract
from services.entitlements.model.headings import headings
from services.entitlements.queries.tables import OfAccounts
from services.entitlements.use_cases.create_contract import CreateContract, create_contract

router = Router(tags=["contracts"])
Key = tuple[UUID, str, tuple[str, ...], date]


def _codes(cell: str) -> list[str]:
    return [each for each in re.split(r"[,;|\s]+", cell) if each]


_SHEET = Sheet(
    ("account_id", "plan", "options", "families", "starts_on", "ends_on"),
    required=("starts_on", "ends_on"),
    key="A contract is known by its account, plan, families and first day, and is changed by renewing or cancelling it. "
    "The account by id or by name; without one the query's. Days as 2026-01-31, several options or families in one cell.",
    headings=headings(),
    converted={"options": _codes, "families": _codes},
    # each brings licences and offers and answers open cases, all in one transaction
    most=200,
)


@router.post("/v1/contracts/bulk", dependencies=[allow(*MANAGERS), LIMIT], openapi_extra=_SHEET.openapi())
async def take_contracts_route(
    request: Request, tx: Tx, caller: Caller, account_id: UUID | None = None, dry_run: DryRun = False
) -> TableResult:
    """Writes contracts from a table, with a result for each row."""
    async with taken(_SHEET, request, tx, dry_run, OfAccounts) as taking:
        trial = taking.tx
        accounts = await taking.accounts(caller, account_id)
        await trial.find_many(Account, sorted(accounts), lock=True)
        known: dict[Key, list[Contract]] = {}
        for contract in await trial.select(Contract, Contract.c.account_id.in_(accounts)):
            key = _key(contract.account_id, contract.plan, contract.families, contract.terms[0].starts_on)
            known.setdefault(key, []).append(contract)

        async def one(cells: Cells) -> Done:
            command = CreateContract.model_validate(cells)
            key = _key(command.account_id, command.plan, command.families, command.starts_on)
            standing = known.get(key, [])
            same = [each for each in standing if _is_as_it_says(each, command)]
            contract = same[0] if same else the_one(standing, "contracts of this plan begin on that day")
            if contract is None:
                contract = await create_contract(command, accounts[command.account_id], trial)
                known[key] = [contract]
                return "created", contract.id
            if not same:
                raise Conflict(
                    f"{contract.number} stands for this, {contract.state}, until {contract.term.ends_on} with "
                    f"{', '.join(contract.options) or 'no options'}: renew or cancel it."
                )
            return "unchanged", contract.id

        await taking.take(one)
    return taking.result(dry_run=dry_run)


def _key(account_id: UUID, plan: str, families: Iterable[str], starts_on: date) -> Key:
    return account_id, plan, tuple(sorted(set(families))), starts_on


def _is_as_it_says(contract: Contract, command: CreateContract) -> bool:
    is_ended = contract.state in ("cancelled", "superseded")
    same_options = contract.options == sorted(set(command.options))
    return not is_ended and same_options and contract.term.ends_on == command.ends_on
