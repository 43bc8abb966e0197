"""What callers can ask of an aggregate: of each command who may give it, and what refuses it in a state that does not take it.

    COMMANDS = Commands[Command, RmaAndCase]({"ship": Given(DEPOTS, leads_to("shipped")), ...})

The roles are those of the routes (`allow(*COMMANDS.roles("ship"))`), the refusal is that of the command itself (`permit`), and what
neither refuses stands as `possible` in every answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.kit.case_files import CaseClosedToCommands
from libs.kit.problems import Conflict, Problem
from libs.kit.states import ForbiddenTransition

C = TypeVar("C", bound=str)
T = TypeVar("T")


class NotPossibleNow(Conflict):
    """Not in a state in which this can be done; `possible` is what can."""


@dataclass(frozen=True)
class Given(Generic[T]):
    """`check` raises Conflict or CaseClosedToCommands where the command is not taken now, whatever its body says."""

    roles: frozenset[str]
    check: Callable[[T], object]

    def refusal(self, asked: T) -> Problem | None:
        """What refuses it now."""
        try:
            self.check(asked)
        except (Conflict, CaseClosedToCommands) as refusal:
            return refusal
        return None


class Commands(Generic[C, T]):
    def __init__(self, given: Mapping[C, Given[T]]) -> None:
        self._given = given

    def roles(self, command: C) -> frozenset[str]:
        """Who may give it."""
        return self._given[command].roles

    def possible(self, role: str, asked: T) -> list[C]:
        """What a caller of this role can do now, sorted."""
        return sorted(c for c, given in self._given.items() if role in given.roles and given.refusal(asked) is None)

    def permit(self, command: C, role: str, asked: T) -> None:
        """Raises what refuses the command now. It names what the caller can do instead."""
        refusal = self._given[command].refusal(asked)
        if refusal is None:
            return
        now = self.possible(role, asked)
        match refusal:
            case ForbiddenTransition(name=name, state=state):
                choice = f"possible now: {', '.join(now)}" if now else "nothing is possible now"
                detail = f"{name} is {state} and does not take {command}; {choice}."
                raise NotPossibleNow(detail, state=state, possible=now)
            case CaseClosedToCommands():
                raise CaseClosedToCommands(refusal.state, possible=now, **refusal.more)
        refusal.extra["possible"] = now
        raise refusal
