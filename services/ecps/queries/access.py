"""Who may read what, and what they may do with an engagement."""

from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS, ENGINEERS, Principal
from libs.kit.commands import Commands, Given
from libs.kit.rows import Rows, of_its_accounts, visible
from libs.store import Entity, Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement, machine
from services.ecps.model.partner import Partner

E = TypeVar("E", bound=Entity)
Command = Literal["partner_updates", "ticket", "no_ticket", "notes", "withdraw"]


class EngagementAndCase(NamedTuple):
    engagement: Engagement
    case: CaseFile


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """A cloud partner sees itself and what is its own, whosever the case; the partners there are, everybody else."""
    if caller.role == "partner":
        return [(cls.c.id if cls is Partner else cls.c.partner_id) == caller.partner_id]
    return [] if cls is Partner else of_its_accounts(caller, cls.c.account_id)


async def shown(cls: type[E], id: UUID, caller: Principal, tx: Transaction, *, lock: bool = False) -> E:
    """Raises NotFound."""
    return await visible(cls, id, visible_to(caller, cls), tx, lock=lock)


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
