"""Whose escalations a caller sees, and what they may do with one."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from libs.kit.auth import STAFF, Principal
from libs.kit.commands import Commands, Given
from libs.kit.rows import Rows, of_its_accounts
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import Escalation, machine

Command = Literal["acknowledge", "hand_over", "engage_expert", "resolve"]


class Asked(NamedTuple):
    """`by` is who asks: nobody takes one step up twice."""

    escalation: Escalation
    case: CaseFile
    by: str


def visible_to(caller: Principal) -> Rows:
    """Staff see what is every account's, others what is their accounts'."""
    return of_its_accounts(caller, Escalation.c.account_id)


def cases_visible_to(caller: Principal) -> Rows:
    """The same of case files."""
    return of_its_accounts(caller, CaseFile.c.account_id)


def _given(check: Callable[[Asked], object]) -> Given[Asked]:
    """To us all, while the case takes commands."""

    def both(asked: Asked) -> None:
        asked.case.must_take_commands()
        check(asked)

    return Given(STAFF, both)


COMMANDS: Commands[Command, Asked] = Commands(
    {
        "acknowledge": _given(lambda asked: asked.escalation.must_be_free_for(asked.by)),
        "hand_over": _given(lambda asked: machine.check(asked.escalation.state, "handed_over")),
        "engage_expert": _given(lambda asked: asked.escalation.must_not_be_resolved()),
        "resolve": _given(lambda asked: machine.check(asked.escalation.state, "resolved")),
    }
)
