"""Commands: what a role can give now, and how the others are refused."""

from typing import Literal

import pytest

from libs.kit.case_files import CaseClosedToCommands
from libs.kit.commands import Commands, Given, NotPossibleNow
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine

State = Literal["packed", "sent", "burnt"]
machine = StateMachine[State]("The parcel", {"packed": {"sent", "burnt"}, "sent": {"burnt"}}, "packed")


class TooWet(Conflict):
    """It does not burn."""


def _burn(state: State) -> None:
    if state == "sent":
        raise TooWet("It rains.", state=state)
    machine.check(state, "burnt")


def _open(state: State) -> None:
    if state == "burnt":
        raise CaseClosedToCommands("closed", parcel=state)


COMMANDS: Commands[str, State] = Commands(
    {
        "send": Given(frozenset({"depot", "manager"}), lambda state: machine.check(state, "sent")),
        "burn": Given(frozenset({"manager"}), _burn),
        "note": Given(frozenset({"manager"}), _open),
        "bury": Given(frozenset({"depot"}), bool),
    }
)


@pytest.mark.parametrize(
    ("role", "state", "possible"),
    [
        ("manager", "packed", ["burn", "note", "send"]),
        ("depot", "packed", ["bury", "send"]),
        ("manager", "sent", ["note"]),
        ("manager", "burnt", []),
        ("customer", "packed", []),
    ],
)
def test_what_is_possible_is_what_neither_the_role_nor_the_state_refuses(
    role: str, state: State, possible: list[str]
) -> None:
    assert COMMANDS.possible(role, state) == possible


@pytest.mark.parametrize(
    ("command", "role", "state", "kind", "detail", "extra"),
    [
        (
            "send", "manager", "sent", NotPossibleNow, "The parcel is sent and does not take send; possible now: note.",
            {"state": "sent", "possible": ["note"]},
        ),
        (
            "burn", "manager", "burnt", NotPossibleNow, "The parcel is burnt and does not take burn; nothing is possible now.",
            {"state": "burnt", "possible": []},
        ),
        ("burn", "manager", "sent", TooWet, "It rains.", {"state": "sent", "possible": ["note"]}),
        (
            "note", "depot", "burnt", CaseClosedToCommands, "The case is closed and takes no commands; possible now: bury.",
            {"state": "closed", "possible": ["bury"], "parcel": "burnt"},
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_what_this_role_can_do_instead(
    command: str, role: str, state: State, kind: type[Conflict], detail: str, extra: dict[str, object]
) -> None:
    with pytest.raises(kind) as refused:
        COMMANDS.permit(command, role, state)
    assert (refused.value.detail, refused.value.extra) == (detail, extra)


def test_what_is_taken_is_permitted() -> None:
    COMMANDS.permit("send", "depot", "packed")
