"""The locked packages into a virtual environment, quietly: `python3 deploy/local/install.py .venv requirements.lock`.

Runs before anything is installed: the standard library alone. What pip says is in `<venv>/install.log`; its end is shown when it fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

_LOOK_SECONDS = 0.2
_SAY_SECONDS = 10.0
_SHOWN = 15


def main(venv: Path, lock: Path) -> int:
    wanted = len(re.findall(r"^[A-Za-z0-9][A-Za-z0-9._-]*==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    log, python = venv / "install.log", venv / "bin" / "python"
    command = [
        str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--require-hashes",
        "-r", str(lock),
    ]  # fmt: skip
    fetched = [0]
    with log.open("w", encoding="utf-8") as out:
        pip = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace"
        )

        def read() -> None:
            assert pip.stdout is not None
            for line in pip.stdout:
                out.write(line)
                out.flush()
                fetched[0] += line.startswith(("Collecting ", "Requirement already satisfied: "))

        reading = Thread(target=read, daemon=True)
        reading.start()
        said = time.monotonic()
        try:
            while True:
                try:
                    pip.wait(_LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    late = time.monotonic() - said >= _SAY_SECONDS
                    said = time.monotonic() if late else said
                    _show(_counted(venv, fetched[0], wanted), late=late)
        except KeyboardInterrupt:
            pip.wait()
            _show("")
            return 130
        reading.join()
    if pip.returncode:
        _show("")
        end = log.read_text(encoding="utf-8").splitlines()[-_SHOWN:]
        print("\n".join(end), file=sys.stderr)
        print(
            f"poly+: the packages could not be installed; all that pip said is in {log} (network? disk?); then run make again",
            file=sys.stderr,
        )
        return 1
    _show(f"installed {wanted}/{wanted}", last=True)
    return 0


def _counted(venv: Path, fetched: int, wanted: int) -> str:
    there = len(list(venv.glob("lib/python*/site-packages/*.dist-info"))) - 1  # pip's own
    if fetched < wanted or there < 1:
        return f"fetching {min(fetched, wanted)}/{wanted}"
    return f"installing {min(there, wanted)}/{wanted}"


def _show(text: str, *, late: bool = False, last: bool = False) -> None:
    """One line that counts on a terminal; elsewhere a line when it is late, and the last word."""
    line = f"poly+: {text}" if text else ""
    if sys.stdout.isatty():
        width = min(os.get_terminal_size().columns, 79)
        print(f"\r{line:<{width}.{width}}", end="\n" if last else "", flush=True)
    elif late or last:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
