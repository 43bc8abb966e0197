"""Accounts from a table; a row is an account's by the name, as it is written."""

from uuid import UUID

from fastapi import Request

from libs.kit.auth import MANAGERS
from libs.kit.http import Router, Tx, allow
from libs.kit.names import LONGEST
from libs.kit.problems import Unprocessable
from libs.kit.text import sort_key
from libs.tables.rehearsal import DryRun
from libs.tables.taking import LIMIT, Cells, Done, Sheet, TableResult, Taking, taken, the_one
from services.entitlements.model.account import Account
from services.entitlements.model.headings import headings
from services.entitlements.reactions.decide_coverage import decide_again_among
from services.entitlements.use_cases.keep_accounts import ChangeAccount, CreateAccount

router = Router(tags=["accounts"])
_SHEET = Sheet(
    ("name", "country", "time_zone", "language"),
    required=("name",),
    key="An account is known by its name, as it is written.",
    headings=headings(named_by="account_id"),
)


@router.post("/v1/accounts/bulk", dependencies=[allow(*MANAGERS), LIMIT], openapi_extra=_SHEET.openapi())
async def take_accounts_route(request: Request, tx: Tx, dry_run: DryRun = False) -> TableResult:
    """Opens and changes accounts from a table, with a result for each row."""
    async with taken(_SHEET, request, tx, dry_run, Taking) as taking:
        trial = taking.tx
        keys = {_key(cells) for cells in taking.rows.values() if "name" in cells}
        found = await trial.select(Account, Account.c.sort_key.in_(keys), lock=True)
        known: dict[str, list[Account]] = {}
        for account in found:
            known.setdefault(account.sort_key, []).append(account)
        changed = set[UUID]()

        async def one(cells: Cells) -> Done:
            account = the_one(known.get(_key(cells), ()), f"accounts are called {cells.get('name')!r}")
            if account is None:
                account = CreateAccount.model_validate(cells).make(Account, trial)
                known[account.sort_key] = [account]
                return "created", account.id
            for name in ("country", "time_zone"):
                if cells.get(name, getattr(account, name)) != getattr(account, name):
                    raise Unprocessable(f"{name}: it stays {getattr(account, name)}; contracts are counted by it.")
            command = ChangeAccount.model_validate({n: v for n, v in cells.items() if n in ("name", "language")})
            if not command.apply_to(account):
                return "unchanged", account.id
            changed.add(account.id)
            return "changed", account.id

        await taking.take(one)
        await decide_again_among(changed, trial)
    return taking.result(dry_run=dry_run)


def _key(cells: Cells) -> str:
    return sort_key(str(cells.get("name", "")))[:LONGEST]
