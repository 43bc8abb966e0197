"""What `make clients` says and answers, with languages of the test's own; the real ones take minutes and are no part of the tests."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.__main__ import Language, compiled, used


def _made(document: Path, out: Path) -> list[str]:
    (out / "made").write_text(document.read_text("utf-8"), "utf-8")
    return ["cat", str(out / "made")]


def _broken(document: Path, out: Path) -> list[str]:
    subprocess.run(["false"], cwd=out, check=True)
    return []


def test_a_language_without_its_tools_is_left_out_and_one_that_does_not_compile_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "openapi.json"
    document.write_text("{}", "utf-8")
    languages = {
        "away": Language(("sh", "no-such-compiler"), _made),
        "broken": Language(("sh",), _broken),
        "whole": Language(("sh",), _made),
    }

    programs, failed = compiled(languages, document, tmp_path)

    assert (programs, failed) == ({"whole": ["cat", str(tmp_path / "whole" / "made")]}, ["broken"])
    said = capsys.readouterr()
    assert "away: left out, there is no no-such-compiler here" in said.out
    assert "broken: false failed" in said.err


async def test_a_program_is_told_where_to_call_and_fails_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLYPLUS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("POLYPLUS_TOKEN", "a-token")

    failed = await used({"well": ["sh", "-c", "echo $POLYPLUS_URL $POLYPLUS_TOKEN"], "ill": ["sh", "-c", "exit 3"]})

    assert failed == ["ill"]
    assert "well: http://127.0.0.1:1 a-token" in capfd.readouterr().out
