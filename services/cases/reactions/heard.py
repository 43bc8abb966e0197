"""A fact that was heard, and the case that it is about."""

from typing import Protocol
from uuid import UUID

from libs.store import Cause, Transaction
from services.cases.model.case import Case


class OfACase(Protocol):
    """Any event that is about a case."""

    @property
    def case_id(self) -> UUID: ...


async def heard(event: OfACase, tx: Transaction) -> tuple[Case, Cause] | None:
    """The case, locked, and the envelope of the event. None when this service does not know the case."""
    case = await Case.find(event.case_id, tx, lock=True)
    return None if case is None else (case, cause_of(tx))


def cause_of(tx: Transaction) -> Cause:
    """The envelope of the event that a handler works on."""
    assert tx.cause is not None
    return tx.cause
