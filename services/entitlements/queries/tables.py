"""Master data that comes in as a table: read once, each row taken by itself, with a result for each."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ValidationError
from sqlalchemy import func, select

from libs.kit.auth import Principal
from libs.kit.http import body_limit
from libs.kit.problems import Conflict, Problem, Unprocessable, UnsupportedMediaType
from libs.store import NotFound, Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.headings import headings
from services.entitlements.model.spreadsheet import MAX_ROWS, rows_of
from services.entitlements.queries.rehearsal import rehearsed
from services.entitlements.queries.spoken_ids import Cells, accounts_named, is_id, name_ids, spoken

T = TypeVar("T")
Status = Literal["created", "changed", "unchanged", "conflict", "invalid"]
Done = tuple[Literal["created", "changed", "unchanged"], UUID]
LIMIT = body_limit(4 * 2**20)
_ONE_AT_A_TIME = 0x7AB1E5


class TableRow(BaseModel):
    """What became of one row, or would; `row` counts from 1 beneath the heading, as the lines of the sheet do."""

    row: int
    status: Status
    id: UUID | None = None
    name: str | None
    detail: str | None = None


class TableResult(BaseModel):
    created: int
    changed: int
    unchanged: int
    refused: int
    dry_run: bool
    results: list[TableRow]


@dataclass(frozen=True)
class Sheet:
    """What a table of one kind has for columns. `key` says which names a thing; `converted` reads what people write into one cell."""

    columns: tuple[str, ...]
    required: tuple[str, ...]
    key: str
    named_by: str | None = None
    converted: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    most: int = MAX_ROWS

    def openapi(self) -> dict[str, Any]:
        """What the API's document says of the body."""
        said = (
            f"As a spreadsheet saves it: a heading, then at most {self.most} rows. Columns: {', '.join(self.columns)}, or as "
            f"people call them. {self.key} A row that stands as it says is unchanged; an empty cell changes nothing."
        )
        content = {"text/csv": {"schema": {"type": "string", "description": said}}}
        return {"requestBody": {"required": True, "content": content}}

    async def read(self, request: Request) -> dict[int, Cells]:
        """The rows by number. Raises UnsupportedMediaType, BadRequest."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
            raise UnsupportedMediaType("Send the table as CSV.", "text/csv")
        names = headings(named_by=self.named_by)
        return rows_of(
            await request.body(), columns=self.columns, required=self.required, headings=names, most=self.most
        )


@dataclass
class Taking:
    """One table that is being taken: its rows, and what has become of them."""

    rows: dict[int, Cells]
    sheet: Sheet
    tx: Transaction
    results: dict[int, TableRow] = field(default_factory=dict)

    async def alone(self) -> None:
        """No other table is taken meanwhile: what is sent twice at once is there once."""
        await self.tx.fetch(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))

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

        wanted = set((await self._each(its_account)).values())
        found = await self.tx.find_many(Account, sorted(wanted))
        known = {each.id: each for each in found if each}
        of: dict[UUID, list[tuple[int, Cells]]] = {}
        for number, cells in self.left():
            if cells["account_id"] in known:
                of.setdefault(cells["account_id"], []).append((number, cells))
            else:
                self._refuse(number, NotFound("account", cells["account_id"]))
        for id, mine in of.items():
            wrong = await name_ids([cells for _, cells in mine], id, self.tx)
            for place, said in wrong.items():
                self._refuse(mine[place][0], Unprocessable(said))
        return known

    def left(self) -> Iterable[tuple[int, Cells]]:
        """The rows that have no result yet."""
        return [(number, cells) for number, cells in self.rows.items() if number not in self.results]

    async def take(self, one: Callable[[Cells], Awaitable[Done]]) -> None:
        """Each row that is left, by `one`."""
        for number, cells in self.left():
            for column, convert in self.sheet.converted.items():
                try:
                    if column in cells:
                        cells[column] = convert(cells[column])
                except ValueError as error:
                    self._refuse(number, Unprocessable(f"{column}: {error}."))
        for number, (status, id) in (await self._each(one)).items():
            self.results[number] = TableRow(row=number, status=status, id=id, name=self._name(number))

    async def _each(self, one: Callable[[Cells], Awaitable[T]]) -> dict[int, T]:
        done = {}
        for number, cells in self.left():
            try:
                done[number] = await one(cells)
            except (Problem, NotFound, ValidationError) as error:
                self._refuse(number, error)
        return done

    def _refuse(self, number: int, error: Problem | NotFound | ValidationError) -> None:
        status: Status = "conflict" if isinstance(error, Conflict) else "invalid"
        detail = said_of(error) if isinstance(error, ValidationError) else getattr(error, "detail", str(error))
        self.results[number] = TableRow(row=number, status=status, name=self._name(number), detail=detail)

    def _name(self, number: int) -> str | None:
        name = self.rows[number].get("name")
        return None if name is None else str(name)[:200]

    def result(self, *, dry_run: bool) -> TableResult:
        """All of them in order; what was only tried has no id."""
        results = [self.results[number] for number in sorted(self.results)]
        for each in results:
            if dry_run and each.status == "created":
                each.id = None
        of = Counter(each.status for each in results)
        return TableResult(
            created=of["created"],
            changed=of["changed"],
            unchanged=of["unchanged"],
            refused=of["conflict"] + of["invalid"],
            dry_run=dry_run,
            results=results,
        )


def said_of(error: ValidationError) -> str:
    """What is wrong with a row, field by field."""
    return "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())


def the_one(found: Iterable[T], what: str) -> T | None:
    """Raises Unprocessable when there are several."""
    several = list(found)
    if len(several) > 1:
        raise Unprocessable(f"{len(several)} {what}: change the one that is meant by its id.")
    return several[0] if several else None


@asynccontextmanager
async def taken(sheet: Sheet, request: Request, tx: Transaction, dry_run: bool) -> AsyncIterator[Taking]:
    """The table of this request, one at a time, in its own transaction or in one of which nothing stays."""
    rows = await sheet.read(request)
    async with rehearsed(tx, dry_run) as trial:
        taking = Taking(rows, sheet, trial)
        await taking.alone()
        yield taking
