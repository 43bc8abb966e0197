"""State machines of aggregates: which transition is allowed, what is possible now, and the diagram for a README."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from libs.kit.problems import Conflict

S = TypeVar("S", bound=str)


class ForbiddenTransition(Conflict):
    """The aggregate cannot go there from its state; `possible` is where it can go."""

    def __init__(self, name: str, state: str, wanted: str, possible: list[str]) -> None:
        choice = f"possible now: {', '.join(possible)}" if possible else "nothing follows this state"
        super().__init__(
            f"{name} is {state} and cannot become {wanted}; {choice}.",
            state=str(state),
            wanted=str(wanted),
            possible=[str(each) for each in possible],
        )
        self.name, self.state, self.wanted, self.possible = name, state, wanted, possible


class StateMachine(Generic[S]):
    """`transitions` maps each state to the states that may follow it; a state that is only followed to is an end.

    `name` is the aggregate's, as people read it in an error: "RMA". Raises ValueError when a state cannot be reached
    from `initial`: such a table describes another machine than its author meant.
    """

    def __init__(self, name: str, transitions: Mapping[S, AbstractSet[S]], initial: S) -> None:
        self.name, self.initial = name, initial
        ends = {to: frozenset[S]() for targets in transitions.values() for to in targets}
        self._next: dict[S, frozenset[S]] = ends | {state: frozenset(to) for state, to in transitions.items()}
        reached, found = {initial}, [initial]
        while found:
            new = self._next.get(found.pop(), frozenset()) - reached
            reached |= new
            found += new
        if unreachable := self.states ^ reached:
            raise ValueError(f"{name}: {sorted(unreachable)} cannot be reached from {initial}")

    @property
    def states(self) -> frozenset[S]:
        """Every state."""
        return frozenset(self._next)

    def possible(self, state: S) -> list[S]:
        """The states that may follow, sorted. Raises KeyError for a state this machine does not have."""
        return sorted(self._next[state])

    def check(self, current: S, to: S) -> None:
        """Raises ForbiddenTransition unless `to` may follow `current`. Staying where one is is a transition like any other."""
        if to not in self._next[current]:
            raise ForbiddenTransition(self.name, current, to, list(self.possible(current)))

    def allowed_pairs(self) -> list[tuple[S, S]]:
        """Every allowed (from, to), sorted."""
        return sorted((state, to) for state, targets in self._next.items() for to in targets)

    def forbidden_pairs(self) -> list[tuple[S, S]]:
        """Every other (from, to), sorted: a test walks both lists and has seen the whole machine."""
        return sorted((state, to) for state in self._next for to in self._next if to not in self._next[state])

    def mermaid(self) -> str:
        """The machine as a Mermaid `stateDiagram-v2`, the same text for the same machine."""
        lines = [f"[*] --> {self.initial}"]
        lines += [f"{state} --> {to}" for state, to in self.allowed_pairs()]
        lines += [f"{state} --> [*]" for state in sorted(self._next) if not self._next[state]]
        return "\n    ".join(["stateDiagram-v2", *lines]) + "\n"
