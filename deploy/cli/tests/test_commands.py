"""Every command teaches, speaks JSON and says in one line what it does not understand."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import pytest

from deploy.cli.__main__ import main, parser
from deploy.cli.arguments import EXIT_CODES
from deploy.cli.tests.conftest import Cli


def leaves(
    of: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    below = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield path, of
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*path, name))


LEAVES = dict(leaves(parser()))
WRONG = [
    ["nope"], [], ["dlq"], ["dlq", "nope"], ["clock", "advance", "soon"], ["serve"], ["serve", "nope"], ["serve", "rma", "--role", "king"],
    ["migrate", "nope"], ["migration", "nope", "x"], ["psql", "nope"], ["logs", "nope"], ["restart", "nope"], ["lag", "--service", "nope"],
    ["dlq", "list", "--service", "nope"], ["dlq", "show", "nope"], ["rebuild", "nope"], ["tail", "--case", "nope"], ["env", "NOPE"],
    ["status", "nope"], ["logs", "--since", "long"], ["psql", "--write"], ["erased"], ["erased", "nope"], ["erased", "--look-for", "none"],
    ["person"], ["person", "nope"],
]  # fmt: skip


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_teaches_and_speaks_json(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*path, "--help"])
    taught = capsys.readouterr().out
    assert end.value.code == 0
    assert taught.startswith(f"usage: polyplus {' '.join(path)}")
    assert "--json" in taught
    assert f"polyplus {' '.join(path)}" in taught.partition("example")[2]
    assert EXIT_CODES in taught


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
async def test_a_wrong_word_is_told_in_one_line(words: list[str], polyplus: Cli) -> None:
    polyplus.knows(RMA_DATABASE_URL="postgresql://rma@127.0.0.1:1/rma")
    (polyplus.home / "logs").mkdir()
    (polyplus.home / "logs" / "rma.log").write_text("")
    said = await polyplus.typed(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("poly+: ")
    assert said.err.count("\n") == 1
    told = await polyplus.typed(*words, "--json")
    assert told.code == 2
    assert json.loads(told.out)["error"]
    assert told.err == ""
