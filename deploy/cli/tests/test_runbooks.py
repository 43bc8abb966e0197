"""A runbook that names a command which is not there, or an alert without a runbook, is found here and not at three in the morning."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from deploy.cli.__main__ import main, parser
from deploy.local.processes import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.name != "README.md")
ROLLOUT = [ROOT / "docs" / "upgrade.md", ROOT / "docs" / "going-back.md"]
SECTIONS = ["## What you see", "## What it means", "## What to do", "## It is over when"]


def lines_in(page: Path, language: str = "sh") -> list[str]:
    """What is typed in its blocks of a language, line by line."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


def commands_in(page: Path) -> list[list[str]]:
    """What is typed in its `sh` blocks, up to a pipe."""
    lines = lines_in(page)
    typed = [shlex.split(line, comments=True) for line in lines if line.startswith(("polyplus ", "make "))]
    return [words[: words.index("|")] if "|" in words else words for words in typed]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_says_what_one_sees_what_it_means_what_to_do_and_when_it_is_over(page: Path) -> None:
    found = [line for line in page.read_text().splitlines() if line.startswith("## ")]
    assert found == SECTIONS
    assert f"({page.name})" in (RUNBOOKS / "README.md").read_text()


@pytest.mark.parametrize("page", [*PAGES, *ROLLOUT], ids=lambda page: page.stem)
def test_every_command_of_a_runbook_exists_with_its_options(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = commands_in(page)
    assert typed, "a runbook without a command leaves one alone"
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *words in typed:
        if program == "make":
            assert words[0] in targets
            continue
        parser().parse_args(words)
        path = [*words[:1], *([words[1]] if words[0] in ("dlq", "clock") else [])]
        with pytest.raises(SystemExit) as end:
            main([*path, "--help"])
        assert end.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: polyplus {' '.join(path)}")


def test_every_alert_leads_to_a_runbook() -> None:
    rules = [file.read_text() for file in (ROOT / "deploy" / "observability").rglob("*.y*ml")]
    alerts = [rule for text in rules for rule in re.split(r"(?m)^\s*- alert:", text)[1:]]
    for alert in alerts:
        [page] = re.findall(r"runbook_url:.*docs/runbooks/([a-z-]+\.md)", alert)
        assert (RUNBOOKS / page).is_file(), alert
