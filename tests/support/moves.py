"""A state machine as a test writes it down, so that the machine is held to something other than itself."""

Moves = list[tuple[str, str]]


def moves(text: str) -> Moves:
    """The moves that lines like `open | planned → cancelled` name, sorted."""
    sides = [line.split("→") for line in text.splitlines() if line.strip()]
    return sorted({(here, there) for one, other in sides for here in _states(one) for there in _states(other)})


def no_moves(text: str) -> Moves:
    """Every other pair of the states that such lines name, sorted."""
    allowed = moves(text)
    states = {state for pair in allowed for state in pair}
    return sorted({(here, there) for here in states for there in states} - {*allowed})


def after(text: str, state: str) -> list[str]:
    """Where one may go from a state, as the error of a forbidden move lists it."""
    return [to for one, to in moves(text) if one == state]


def _states(side: str) -> list[str]:
    return [state.strip() for state in side.split("|")]
