"""The recipes in docs/recipes, followed to the letter in a copy of the project: the house is as green after them as before."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ("add-an-event", "add-a-use-case", "add-a-service")
_STEP = re.compile(r"<!-- (file|append|in|run)(?:: ([^,>]+?))?(?:, replace: (.*?))? -->\n```\w+\n(.*?)```", re.DOTALL)
_NOT_COPIED = shutil.ignore_patterns("*.pyc.*", ".git", ".venv", ".polyplus*", ".pytest_cache", ".hypothesis")
_SLOW = ("test_recipes.py", "test_demo_data.py", "test_lists.py", "test_names.py", "test_client.py")
"""Of the contract tests: this one, and those that take half a minute each and stand for much else than a recipe."""
_SECONDS = 600


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A copy in which every recipe has been followed, and what they say to test at their ends."""
    copy = tmp_path_factory.mktemp("recipes") / "polyplus"
    shutil.copytree(ROOT, copy, ignore=_NOT_COPIED, symlinks=True)
    tested: list[str] = []
    for recipe in RECIPES:
        steps = _STEP.findall((ROOT / "docs" / "recipes" / f"{recipe}.md").read_text())
        commands = [command for kind, *_, text in steps if kind == "run" for command in text.strip().splitlines()]
        assert commands[-1] == "make check", f"{recipe} does not end with it"
        for kind, path, old, text in steps:
            if kind == "run":
                tested += _run_or_keep(copy, text)
            else:
                _write(copy / path, kind, old.replace("\\n", "\n"), text)
    return copy, list(dict.fromkeys(tested))


def test_all_that_make_check_looks_at_is_right(followed: tuple[Path, list[str]]) -> None:
    copy, _ = followed
    for command in _commands_of_make_check():
        _run(copy, command)


def test_the_tests_that_the_recipes_name_pass(followed: tuple[Path, list[str]]) -> None:
    copy, tested = followed
    assert "tests/contract" in tested
    _run(
        copy, f"python -m pytest -q {' '.join(tested)} {' '.join(f'--ignore=tests/contract/{name}' for name in _SLOW)}"
    )


def _run_or_keep(copy: Path, commands: str) -> Iterator[str]:
    """Runs what prepares; the tests and `make check` come once for all recipes."""
    for command in commands.strip().splitlines():
        if command.startswith("python -m pytest -q "):
            yield from command.split()[4:]
        elif command != "make check":
            _run(copy, command)


def _write(file: Path, kind: str, old: str, text: str) -> None:
    match kind:
        case "file":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        case "append":
            between = "\n\n\n" if file.suffix == ".py" else "\n\n"
            file.write_text(file.read_text().rstrip("\n") + between + text)
        case "in":
            before = file.read_text()
            assert before.count(old) == 1, f"{file.name} has {old!r} {before.count(old)} times"
            file.write_text(before.replace(old, text if old.endswith("\n") else text.rstrip("\n")))


def _commands_of_make_check() -> list[str]:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck: ")[2].partition("\n\n")[0]
    commands = re.findall(r"^\t@\$\(PY\) (.+)$", recipe, re.MULTILINE)
    assert any("ruff check" in command for command in commands)
    return [f"python {command}" for command in commands]


def _run(copy: Path, command: str) -> None:
    arguments = [sys.executable if word == "python" else word for word in shlex.split(command)]
    done = subprocess.run(arguments, cwd=copy, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
