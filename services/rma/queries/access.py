"""Who sees which row, and what they may do with an RMA. A technician needs nothing of this: the work order carries the visit's parts."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from libs.kit.auth import Principal
from libs.kit.commands import Commands, Given
from libs.kit.rows import Rows, of_its_accounts
from services.rma.model.case_file import CaseFile
from services.rma.model.charge import charge_machine, must_be_settleable
from services.rma.model.outbound_leg import outbound_machine
from services.rma.model.return_leg import return_machine
from services.rma.model.rma import Rma
from services.rma.model.rma_values import OutboundState, ReturnState
from services.rma.model.short_picks import must_miss_one
from services.rma.model.stock import Stock

Command = Literal[
    "pick",
    "short_pick",
    "found",
    "send_again",
    "ship",
    "deliver",
    "lost",
    "confirm_installed",
    "dead_on_arrival",
    "cancel",
    "re_source",
    "override",
    "receive",
    "inspect",
    "settle",
    "dispute",
]


class RmaAndCase(NamedTuple):
    rma: Rma
    case: CaseFile


def visible_to(caller: Principal) -> Rows:
    """A depot sees the RMAs of its depots, whosever they are."""
    if caller.role == "depot":
        return [Rma.c.depot_id.in_(caller.depots)]
    return of_its_accounts(caller, Rma.c.account_id)


def shelves_visible_to(caller: Principal) -> Rows:
    """A depot sees its own."""
    return [Stock.c.depot_id.in_(caller.depots)] if caller.role == "depot" else []


def _while_open(check: Callable[[Rma], None]) -> Callable[[RmaAndCase], None]:
    """While the case takes commands. The others are taken of a cancelled case too: the parcel is under way."""

    def both(its: RmaAndCase) -> None:
        its.case.must_take_commands()
        check(its.rma)

    return both


def _out(state: OutboundState) -> Callable[[Rma], None]:
    return lambda rma: outbound_machine.check(rma.state, state)


def _back(state: ReturnState) -> Callable[[RmaAndCase], None]:
    return lambda its: return_machine.check(its.rma.return_state, state)


_DEPOT, _MANAGER, _ENGINEERS = frozenset({"depot"}), frozenset({"manager"}), frozenset({"engineer", "manager"})
COMMANDS: Commands[Command, RmaAndCase] = Commands(
    {
        "pick": Given(_DEPOT, _while_open(_out("shipped"))),
        "short_pick": Given(_DEPOT, _while_open(Rma.must_be_reserved)),
        "found": Given(_DEPOT, lambda its: must_miss_one(its.rma)),
        "send_again": Given(_ENGINEERS | _DEPOT, _while_open(Rma.must_be_refused)),
        "ship": Given(_DEPOT, _while_open(_out("shipped"))),
        "deliver": Given(_ENGINEERS | _DEPOT, lambda its: _out("delivered")(its.rma)),
        "lost": Given(_ENGINEERS | _DEPOT, lambda its: _out("lost")(its.rma)),
        "confirm_installed": Given(_ENGINEERS | {"customer"}, _while_open(Rma.must_be_installable)),
        "dead_on_arrival": Given(_ENGINEERS | {"customer"}, _while_open(Rma.must_not_have_worked)),
        "cancel": Given(_ENGINEERS, _while_open(_out("cancelled"))),
        "re_source": Given(_ENGINEERS, _while_open(Rma.must_be_reserved)),
        "override": Given(_MANAGER, _while_open(_out("authorized"))),
        "receive": Given(_DEPOT, _back("received")),
        "inspect": Given(_DEPOT, _back("wrong_unit")),
        "settle": Given(_MANAGER, lambda its: must_be_settleable(its.rma)),
        "dispute": Given(_ENGINEERS | {"customer"}, lambda its: charge_machine.check(its.rma.charge, "disputed")),
    }
)
