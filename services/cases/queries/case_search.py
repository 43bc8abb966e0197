"""`GET /v1/cases?q=`: the words of a case's texts, its number, or its unit's serial.

Which cases say all the words is answered by the function `cases_that_say`, with the words that this caller may read; the cases themselves
are read as by any list. Of more than `MOST` the newest are looked at, and the next page looks further.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from libs.events import labels
from libs.kit.auth import Principal
from libs.kit.paging import Page
from libs.kit.problems import Unprocessable
from libs.store import Compiled, Transaction, given
from services.cases.model.case import Case
from services.cases.model.case_texts import looked_for

T = TypeVar("T")
MOST = 1_000
PATIENCE_MS = 2_000
SEARCHED = (
    "words of the description, the resolution and the notes that the caller may read, all of them, the last one as a beginning, with or "
    "without diacritics; or a case's number or a unit's serial: what has exactly that comes first"
)
_NEWEST_FIRST = "-opened_at"
_FIRST = timedelta(days=365_250)
"""By so much those with exactly this number or serial come before all others."""
_NO_ID = UUID(int=0)
_EXACT = Compiled(
    sa.union_all(
        *(sa.select(Case.c.id).where(column == given("label", sa.Text)) for column in (Case.c.number, Case.c.serial))
    )
)
_SAYING = Compiled(
    sa.text(
        "SELECT id, at FROM cases_that_say(CAST(CAST(:asked AS text) AS tsquery), :only_of, :of_account, :since, :until, :until_id, :most)"
    ).bindparams(
        sa.bindparam("asked", type_=sa.Text),
        sa.bindparam("only_of", type_=ARRAY(sa.Uuid)),
        sa.bindparam("of_account", type_=sa.Uuid),
        sa.bindparam("since", type_=TIMESTAMP(timezone=True)),
        sa.bindparam("until", type_=TIMESTAMP(timezone=True)),
        sa.bindparam("until_id", type_=sa.Uuid),
        sa.bindparam("most", type_=sa.Integer),
    )
)


class SayMore(Unprocessable):
    """So many cases have these words that they cannot be looked through, or not in this order."""

    title = "Too many cases have these words"


class Asked(Protocol):
    """What of the list bounds a search."""

    account_id: UUID | None
    opened_from: datetime | None
    opened_before: datetime | None
    sort: str
    cursor: str | None

    def after(self, *kinds: type) -> tuple[Any, ...] | None: ...

    def cursor_after(self, key: Any) -> str: ...


@dataclass(frozen=True)
class Search:
    """The cases that were found, and where the list goes on when there are more than are looked at."""

    rows: sa.ColumnElement[bool]
    keys: Mapping[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    last: tuple[datetime, UUID] | None = None

    def continued(self, page: Page[T], asked: Asked) -> Page[T]:
        """The page, which may be short where others filters leave few of those looked at."""
        if page.next_cursor is None and self.last:
            page.next_cursor = asked.cursor_after(self.last)
        return page


async def search_for(text: str, asked: Asked, caller: Principal, tx: Transaction) -> Search:
    """Raises SayMore."""
    label = labels.serial(text)
    exact = [record["id"] for record in await tx.fetch(_EXACT, label=label)] if label else []
    found, more = await _saying(text, asked, caller, tx)
    ids = [*exact, *(id for id, _ in found)]
    here = Case.c.id == sa.any_(sa.literal(ids, ARRAY(sa.Uuid)))
    if asked.sort != _NEWEST_FIRST:
        if more:
            raise SayMore(
                f"More than {MOST:,} cases have these words: say more of them, or take the newest first.",
                sort=_NEWEST_FIRST,
            )
        return Search(here)
    is_exact = Case.c.id == sa.any_(sa.literal(exact, ARRAY(sa.Uuid)))
    at_first = sa.type_coerce(Case.c.opened_at + _FIRST, Case.c.opened_at.type)
    keys = {"opened_at": sa.case((is_exact, at_first), else_=Case.c.opened_at)} if exact else {}
    id, at = found[-1] if more else (None, None)
    return Search(here, keys, (at, id) if at and id else None)


async def _saying(
    text: str, asked: Asked, caller: Principal, tx: Transaction
) -> tuple[list[tuple[UUID, datetime]], bool]:
    """The newest that say it, and whether there are more. Only on a page that goes on among many they are looked for after its key."""
    words = looked_for(text)
    if words is None:
        return [], False
    until, until_id = asked.opened_before, _NO_ID
    found = await _ask(words, asked, until, until_id, caller, tx)
    if len(found) > MOST and asked.cursor and asked.sort == _NEWEST_FIRST:
        at, id = asked.after(datetime, UUID) or (None, None)
        if at and id and (until is None or at < until):
            found = await _ask(words, asked, at, id, caller, tx)
    return found[:MOST], len(found) > MOST


async def _ask(
    words: str, asked: Asked, until: datetime | None, until_id: UUID, caller: Principal, tx: Transaction
) -> list[tuple[UUID, datetime]]:
    await tx.connection.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
    try:
        records = await tx.fetch(
            _SAYING,
            asked=words,
            only_of=None if caller.staff else [*caller.accounts],
            of_account=asked.account_id,
            since=asked.opened_from,
            until=until,
            until_id=until_id,
            most=MOST + 1,
        )
    except asyncpg.QueryCanceledError as error:
        raise SayMore(
            "These words are in too many cases to be looked through in time: say more of them, or say of which account or time."
        ) from error
    await tx.connection.execute("SET LOCAL statement_timeout = 0")
    return [(record["id"], record["at"]) for record in records]
