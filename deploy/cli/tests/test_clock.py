from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deploy.cli.__main__ import main
from deploy.local import environment


@pytest.mark.parametrize("sandbox", ["0", "", None], ids=["off", "empty", "unset"])
@pytest.mark.parametrize("command", [["advance", "3d"], ["now"]], ids=["advance", "now"])
async def test_the_clock_moves_in_a_sandbox_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], sandbox: str | None
) -> None:
    known = environment.with_credentials({})
    del known["POLYPLUS_SANDBOX"]
    environment.write(tmp_path, known | ({} if sandbox is None else {"POLYPLUS_SANDBOX": sandbox}))

    code = await asyncio.to_thread(main, ["clock", *command, "--home", str(tmp_path)])

    assert code == 2
    assert "only a sandbox has a clock that moves" in capsys.readouterr().err
