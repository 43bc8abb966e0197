"""What a service knows of a case: one row, begun by whichever fact comes first, and the refusal of commands on a case that is over."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast
from uuid import UUID

from libs.kit.problems import Unprocessable
from libs.store import Entity, Transaction

C = TypeVar("C", bound=Entity)
_INSTEAD = {
    "closed": "open a follow-up case",
    "assessing": "wait until its cancellation is accepted or declined",
}


class CaseClosedToCommands(Unprocessable):
    """A case that is closed, cancelled or assessed for its cancellation hears facts alone."""

    title = "The case takes no commands any more"

    def __init__(self, state: str, *, possible: Sequence[str] = (), **extra: object) -> None:
        now = [*possible] or ["see merged_into" if "merged_into" in extra else _INSTEAD.get(state, "open a new case")]
        detail = f"The case is {state} and takes no commands; possible now: {', '.join(now)}."
        super().__init__(detail, state=state, possible=now, **extra)
        self.state, self.more = state, extra


async def case_file(cls: type[C], case_id: UUID, tx: Transaction) -> C:
    """The locked row of a case; a new one for a case not heard of before, in which `cls` has a default for every field.

    The account is that of the first fact that names one, whichever that is.
    """
    case: Any = await cls.find(case_id, tx, lock=True)
    if case is None:
        case = tx.add(cls(id=case_id))
    if case.account_id is None and tx.cause:
        case.account_id = tx.cause.account_id
    return cast("C", case)
