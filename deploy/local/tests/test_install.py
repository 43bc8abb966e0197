"""What a newcomer sees of the installation: a line that counts, or the end of what went wrong."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from deploy.local import install
from deploy.local.processes import ROOT

NAMES = ("one", "two", "three")


def wheel(folder: Path, name: str) -> str:
    """A package with nothing in it, and the line that locks it."""
    file = folder / f"polyplus_{name}-1.0-py3-none-any.whl"
    about = f"polyplus_{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(f"polyplus_{name}.py", "")
        packed.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: polyplus-{name}\nVersion: 1.0\n")
        packed.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{about}/RECORD", "")
    return f"polyplus-{name}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    venv.create(tmp_path / "venv", with_pip=True)
    return tmp_path / "venv"


def installed(environment: Path, lock: Path) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(lock.parent)}
    command = [sys.executable, str(ROOT / "deploy" / "local" / "install.py"), str(environment), str(lock)]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


def test_an_installation_says_one_line_and_a_failed_one_the_end_of_pips_words(
    environment: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("".join(wheel(tmp_path, name) for name in NAMES))
    done = installed(environment, lock)
    assert (done.returncode, done.stdout, done.stderr) == (0, "poly+: installed 3/3\n", "")
    assert "Successfully installed" in (environment / "install.log").read_text()

    lock.write_text(lock.read_text() + "polyplus-four==1.0 --hash=sha256:" + "0" * 64 + "\n")
    failed = installed(environment, lock)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "polyplus-four" in failed.stderr
    assert "install.log" in failed.stderr.splitlines()[-1]
    assert len(failed.stderr.splitlines()) <= 16


def test_where_no_line_can_count_what_is_there_is_said_again_and_again(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("".join(wheel(tmp_path, name) for name in NAMES))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr(install, "_SAY_SECONDS", 0.0)
    assert install.main(environment, lock) == 0
    *counted, last = capsys.readouterr().out.splitlines()
    assert last == "poly+: installed 3/3"
    assert counted
    assert [line for line in counted if not re.fullmatch(r"poly\+: (fetching|installing) \d/3", line)] == []
