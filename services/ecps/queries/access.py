"""Who may read what, and what they may do with an engagement."""

from typing import Any, Literal, NamedTuple

from libs.kit.auth import ACCOUNT_KEEPERS, ENGINEERS, Principal
from libs.kit.commands import Commands, Given
from libs.kit.rows import Rows, of_its_accounts
from services.ecps.model.agreement import Agreement
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement, machine
from services.ecps.model.joint_call import JointCall
from services.ecps.model.partner import Partner

Command = Literal["partner_updates", "ticket", "no_ticket", "notes", "withdraw"]


class EngagementAndCase(NamedTuple):
    engagement: Engagement
    case: CaseFile


def visible_to(caller: Principal) -> Rows:
    """A cloud partner sees the engagements with itself, whosever the case."""
    return _its_own(caller, Engagement.c)


def calls_visible_to(caller: Principal) -> Rows:
    """A cloud partner sees the joint calls with itself."""
    return _its_own(caller, JointCall.c)


def agreements_visible_to(caller: Principal) -> Rows:
    """A cloud partner sees its own."""
    return _its_own(caller, Agreement.c)


def partners_visible_to(caller: Principal) -> Rows:
    """A cloud partner sees itself; the partners there are, everybody else."""
    return [Partner.c.id == caller.partner_id] if caller.role == "partner" else []


def _its_own(caller: Principal, c: Any) -> Rows:
    return [c.partner_id == caller.partner_id] if caller.role == "partner" else of_its_accounts(caller, c.account_id)


def _takes_notes(its: EngagementAndCase) -> None:
    its.case.must_take_commands()
    its.engagement.must_have_open_ticket()


def _can_be_withdrawn(its: EngagementAndCase) -> None:
    its.case.must_take_commands()
    machine.check(its.engagement.state, "withdrawn")


COMMANDS: Commands[Command, EngagementAndCase] = Commands(
    {
        "partner_updates": Given(ENGINEERS | {"partner"}, lambda its: its.engagement.must_have_ticket()),
        "ticket": Given(ENGINEERS, lambda its: machine.check(its.engagement.state, "opened")),
        "no_ticket": Given(ENGINEERS, lambda its: its.engagement.must_await_outcome()),
        "notes": Given(ENGINEERS, _takes_notes),
        "withdraw": Given(ACCOUNT_KEEPERS, _can_be_withdrawn),
    }
)
"""What the partner says, and the number of a ticket that is there, are recorded of a case that is over as well."""
