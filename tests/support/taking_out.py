"""A fact that says what somebody typed, and that it was taken out; and whether a service keeps it anywhere."""

from typing import Any
from uuid import UUID

import asyncpg

from libs.events.cases_work import TextRedacted
from libs.store.ids import new_id
from tests.support.harness import Harness

SAID = "the login is hunter2"


async def fact_saying(h: Harness, words: str = SAID, type: str | None = None) -> asyncpg.Record:
    """The first of ours in which these words stand, or of this type."""
    rows = [row for row in await h.outbox() if row["data"] and row["topic"].endswith(".events")]
    return next(row for row in rows if (row["type"] == type if type else words in row["data"].decode()))


def taken_out(case_id: UUID, fact: Any, *, replacement: str | None = "(taken out)", **more: Any) -> TextRedacted:
    """Of an outbox row, or of anything that has its id and time."""
    return TextRedacted(
        case_id=case_id,
        what="fact",
        id=fact["event_id"],
        said_at=fact["time"],
        replacement=replacement,
        reason="a password",
        by=f"manager:{new_id()}",
        by_role="manager",
        redacted_at=fact["time"],
        **more,
    )


async def forget_outbox(h: Harness) -> None:
    """As time does, which drops its partitions: rows alone say then what was typed."""
    async with h.transaction() as tx:
        await tx.connection.execute("UPDATE outbox SET data = convert_to('{}', 'UTF8')")


async def everything(h: Harness) -> str:
    """All that is kept and told, and the answers that are kept for repeats."""
    async with h.transaction() as tx:
        answers = await tx.connection.fetch(
            "SELECT convert_from(body, 'UTF8') FROM idempotency_keys WHERE body IS NOT NULL"
        )
    rows = [f"{table}: {row}" for table, rows in (await h.state()).items() for row in rows]
    return "\n".join([*rows, *(f"outbox: {row['data']}" for row in await h.outbox()), *map(str, answers)])
