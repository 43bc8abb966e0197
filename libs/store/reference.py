"""Reference data: small tables that change seldom and are read all the time, such as policies, queues and calendars.

A transaction's first statement says at which revision they are, every change commits with a new revision
(`libs.store.schema.reference_table`), and what was read at the same revision is read from memory.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from libs.store.transaction import Transaction

T = TypeVar("T")


class Reference(Generic[T]):
    """`queues = Reference(load)`, then `await queues(tx)`: what `load(tx)` finds in reference tables, read again once they changed.

    It holds at least what was committed when the transaction began, and all that it has flushed itself. It is shared: to be
    looked at only, and never of a table with rows of tenants, since whoever read it first may see other rows than the next.
    """

    def __init__(self, load: Callable[[Transaction], Awaitable[T]]) -> None:
        self._load = load

    async def __call__(self, tx: Transaction) -> T:
        if tx.changed_reference:
            return await self._load(tx)
        known = tx.remembered.get(self)
        if known is not None and known[0] == tx.reference:
            return known[1]  # type: ignore[no-any-return]
        # The revision is from before this reading: what is kept under it can only be newer, never older.
        found = await self._load(tx)
        tx.remembered[self] = tx.reference, found
        return found
