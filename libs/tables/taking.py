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

from libs.kit.http import body_limit
from libs.kit.problems import Conflict, Problem, Unprocessable, UnsupportedMediaType
from libs.store import NotFound, Transaction
from libs.tables.rehearsal import rehearsed
from libs.tables.spreadsheet import MAX_ROWS, rows_of

T = TypeVar("T")
Cells = dict[str, Any]
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
    """What a table of one kind has for columns. `key` says which names a thing, `named` which column a result shows, `headings` what else
    people call the columns; `converted` reads what they write into one cell."""

    columns: tuple[str, ...]
    required: tuple[str, ...]
    key: str
    headings: Mapping[str, str] = field(default_factory=dict)
    named: str = "name"
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
        body = await request.body()
        return rows_of(body, columns=self.columns, required=self.required, headings=self.headings, most=self.most)


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
                    self.refuse(number, Unprocessable(f"{column}: {error}."))
        for number, (status, id) in (await self.each(one)).items():
            self.results[number] = TableRow(row=number, status=status, id=id, name=self._name(number))

    async def each(self, one: Callable[[Cells], Awaitable[T]]) -> dict[int, T]:
        """Of each row that is left what `one` makes of it; what it refuses has its result."""
        done = {}
        for number, cells in self.left():
            try:
                done[number] = await one(cells)
            except (Problem, NotFound, ValidationError) as error:
                self.refuse(number, error)
        return done

    def refuse(self, number: int, error: Problem | NotFound | ValidationError) -> None:
        """The row is not taken, and why."""
        status: Status = "conflict" if isinstance(error, Conflict) else "invalid"
        detail = said_of(error) if isinstance(error, ValidationError) else getattr(error, "detail", str(error))
        self.results[number] = TableRow(row=number, status=status, name=self._name(number), detail=detail)

    def _name(self, number: int) -> str | None:
        name = self.rows[number].get(self.sheet.named)
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


K = TypeVar("K", bound=Taking)


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
async def taken(sheet: Sheet, request: Request, tx: Transaction, dry_run: bool, kind: type[K]) -> AsyncIterator[K]:
    """The table of this request, one at a time, in its own transaction or in one of which nothing stays."""
    rows = await sheet.read(request)
    async with rehearsed(tx, dry_run) as trial:
        taking = kind(rows, sheet, trial)
        await taking.alone()
        yield taking
