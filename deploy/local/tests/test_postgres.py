from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.errors import CannotRun
from deploy.local.ports import free_port
from deploy.local.postgres import READY_SECONDS, Postgres, admin_url, binaries, launch, prepare
from deploy.local.processes import Processes
from deploy.local.system_user import known_or_new, lend_user
from deploy.local.waiting import until


def test_a_server_starts_although_the_pid_that_a_crash_left_means_another_process_now(tmp_path: Path) -> None:
    data, password = tmp_path / "postgres", secrets.token_hex(16)
    processes = Processes(tmp_path / "run", tmp_path / "logs")
    try:
        prepare(data, password)
        user = lend_user(data, tmp_path, binaries())
        other = processes.start("other", [str(shutil.which("sleep")), "600"], env={}, wave=1, user=user)
        (data / "postmaster.pid").write_text(f"{other.started.pid}\n{data}\n1700000000\n15432\n\n127.0.0.1\n\nready\n")

        server = launch(processes, data, port=free_port(), password=password)

        until(server.is_up, seconds=READY_SECONDS, otherwise=server.late())
        assert other.exit_code() is None
    finally:
        processes.stop_all()


def test_first_starts_at_once_make_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """`useradd`, asked twice at once, makes the name twice, the second time with another number."""
    made: list[str] = []

    def getpwnam(name: str) -> str:
        return {each: each for each in made}[name]

    def useradd(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        time.sleep(0.05)  # what it takes
        made.append(argv[-1])
        return subprocess.CompletedProcess(argv, 0)

    monkeypatch.setattr("pwd.getpwnam", getpwnam)
    monkeypatch.setattr("subprocess.run", useradd)
    with ThreadPoolExecutor() as starts:
        lent = [starts.submit(known_or_new) for _ in range(4)]
    assert {str(each.result()) for each in lent} == {*made}
    assert len(made) == 1


@pytest.mark.parametrize("named", ["as a relative path", "through a link", "in PGDATA"])
def test_a_server_that_somebody_started_on_the_data_by_another_name_keeps_it(tmp_path: Path, named: str) -> None:
    data, password, port = tmp_path / "postgres", secrets.token_hex(16), free_port()
    link = tmp_path / "link"
    processes = Processes(tmp_path / "run", tmp_path / "logs")
    try:
        prepare(data, password)
        link.symlink_to(data)
        words = {"as a relative path": ["-D", data.name], "through a link": ["-D", str(link)], "in PGDATA": []}[named]
        settings = ["-c", f"port={port}", "-c", "unix_socket_directories="]
        operators = processes.start(
            "operators",
            [str(binaries() / "postgres"), *words, *settings],
            env={"LC_ALL": "C"} | ({} if words else {"PGDATA": str(data)}),
            wave=0,
            user=lend_user(data, tmp_path, binaries()),
            cwd=tmp_path,
        )
        first = Postgres(admin_url(port, password), data, operators)
        until(first.is_up, seconds=READY_SECONDS, otherwise=first.late())

        ours = launch(processes, data, port=free_port(), password=password)

        with pytest.raises(CannotRun, match="PostgreSQL ended at once"):
            until(ours.is_up, seconds=READY_SECONDS, otherwise=ours.late())
        assert "postmaster.pid" in ours.child.last_words()
        assert first.is_up()
    finally:
        processes.stop_all()
