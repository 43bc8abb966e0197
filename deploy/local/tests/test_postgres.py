from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.postgres import READY_SECONDS, binaries, launch, prepare
from deploy.local.processes import Processes
from deploy.local.system_user import lend_user
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
