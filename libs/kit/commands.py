"""What callers can ask of an aggregate: of each command who may give it, and what refuses it in a state that does not take it.

    COMMANDS = Commands[Command, RmaAndCase]({"ship": Given(DEPOTS, leads_to("shipped")), ...})

The roles are the routes' (`allow(*COMMANDS.roles("ship"))`), the refusal the command's (`permit`), and what neither refuses is `possible`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.kit.case_files import CaseClosedToCommands
from libs.kit.problems import Conflict, Problem
from libs.kit.states import ForbiddenTransition

C = TypeVar("C", bound=str)
T = TypeVar("T")


class NotPossibleNow(Conflict):
    """Not in a state in which this can be done; `possible` is what can."""

    def __init__(self, name: str, state: str, command: str = "this", possible: Sequence[str] = ()) -> None:
        choice = f"possible now: {', '.join(possible)}" if possible else "nothing is possible now"
        super().__init__(f"{name} is {state} and does not take {command}; {choice}.", state=state, possible=[*possible])
        self.name, self.state = name, state


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

    def takes(self, asked: T) -> bool:
        """Whether nothing refuses it now."""
        return self.refusal(asked) is None


@dataclass(frozen=True)
class Commands(Generic[C, T]):
    given: Mapping[C, Given[T]]

    def roles(self, command: C) -> frozenset[str]:
        """Who may give it."""
        return self.given[command].roles

    def possible(self, role: str, asked: T) -> list[C]:
        """What a caller of this role can do now, sorted."""
        return sorted(c for c, given in self.given.items() if role in given.roles and given.takes(asked))

    def permit(self, command: C, role: str, asked: T) -> None:
        """Raises what refuses the command now. It names what the caller can do instead."""
        if (refusal := self.given[command].refusal(asked)) is None:
            return
        now = self.possible(role, asked)
        match refusal:
            case ForbiddenTransition() | NotPossibleNow():
                raise NotPossibleNow(refusal.name, refusal.state, command, now)
            case CaseClosedToCommands():
                raise CaseClosedToCommands(refusal.state, possible=now, **refusal.more)
        refusal.extra["possible"] = now
        raise refusal
