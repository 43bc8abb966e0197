"""Try a command out: all of it is done, seen, and undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Query

from libs.store import Transaction

DryRun = Annotated[bool, Query(description="answers what would become of each row, and changes nothing")]


@asynccontextmanager
async def rehearsed(tx: Transaction, dry_run: bool) -> AsyncIterator[Transaction]:
    """This transaction; for a dry run one within it, of which nothing stays but the gaps in what is numbered."""
    if not dry_run:
        yield tx
        return
    within = tx.connection.transaction()
    await within.start()
    try:
        trial = Transaction(tx.connection, tx.scope, tx.now, tx.traceparent, tx.cause, reference=tx.reference)
        yield trial
        await trial.flush()
    finally:
        await within.rollback()
