"""Tables of what belongs to accounts: whose each row is, and what it names by its name."""

from dataclasses import dataclass
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.problems import Unprocessable
from libs.store import NotFound
from libs.tables.taking import Cells, Taking
from services.entitlements.model.account import Account
from services.entitlements.queries.spoken_ids import accounts_named, is_id, name_ids, spoken


@dataclass
class OfAccounts(Taking):
    """A table whose rows say whose they are."""

    async def accounts(self, caller: Principal, account_id: UUID | None) -> dict[UUID, Account]:
        """The accounts of the rows, by id. Each row gets its id; one that names none, or not one alone, is refused."""
        named = {
            str(cells["account_id"])
            for cells in self.rows.values()
            if "account_id" in cells and not is_id(cells["account_id"])
        }
        ids = await accounts_named(named, self.tx)

        async def its_account(cells: Cells) -> UUID:
            said = str(cells.get("account_id") or account_id or caller.account(None))
            found = [UUID(said)] if is_id(said) else ids.get(spoken(said), ())
            if len(found) != 1:
                raise Unprocessable(f"account_id: {len(found) or 'no'} accounts are called {said[:100]!r}.")
            cells["account_id"] = caller.account(found[0])
            return found[0]

        wanted = set((await self.each(its_account)).values())
        found = await self.tx.find_many(Account, sorted(wanted))
        known = {each.id: each for each in found if each}
        of: dict[UUID, list[tuple[int, Cells]]] = {}
        for number, cells in self.left():
            if cells["account_id"] in known:
                of.setdefault(cells["account_id"], []).append((number, cells))
            else:
                self.refuse(number, NotFound("account", cells["account_id"]))
        for id, mine in of.items():
            wrong = await name_ids([cells for _, cells in mine], id, self.tx)
            for place, said in wrong.items():
                self.refuse(mine[place][0], Unprocessable(said))
        return known
