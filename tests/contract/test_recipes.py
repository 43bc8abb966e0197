"""The recipes in docs/recipes, followed to the letter in a copy of the project."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
_STEP = re.compile(r"<!-- (file|append|in|run)(?:: ([^,>]+?))?(?:, replace: (.*?))? -->\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's sources, somewhere else."""
    place = tmp_path_factory.mktemp("recipes") / "polyplus"
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache")
    for folder in ("libs", "services", "deploy", "docs"):
        shutil.copytree(ROOT / folder, place / folder, ignore=ignore)
    shutil.copytree(ROOT / "tests" / "support", place / "tests" / "support", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "contract" / "samples", place / "tests" / "contract" / "samples")
    for file in ("pyproject.toml", "conftest.py", "tests/__init__.py"):
        shutil.copy(ROOT / file, place / file)
    return place


@pytest.mark.parametrize("recipe", ["add-an-event", "add-a-use-case", "add-a-service"])
def test_the_recipe_works_as_written(copy: Path, recipe: str) -> None:
    steps = _STEP.findall((RECIPES / f"{recipe}.md").read_text())
    assert steps
    assert any(kind == "run" for kind, *_ in steps)
    for kind, path, old, text in steps:
        file = copy / path
        match kind:
            case "file":
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            case "append":
                file.write_text(file.read_text() + text)
            case "in":
                before, wanted = file.read_text(), old.replace("\\n", "\n")
                assert before.count(wanted) == 1, f"{path} has {wanted!r} {before.count(wanted)} times"
                file.write_text(before.replace(wanted, text.rstrip("\n")))
            case "run":
                _run(copy, text)


def _run(place: Path, commands: str) -> None:
    for command in commands.strip().splitlines():
        arguments = [sys.executable if word == "python" else word for word in command.split()]
        done = subprocess.run(arguments, cwd=place, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
