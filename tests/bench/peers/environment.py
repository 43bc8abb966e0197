"""The peers' virtual environment: made from their lock when a bench first needs it, apart from ours."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from deploy.local.errors import CannotRun

ROOT = Path(__file__).parents[3]
LOCK = Path(__file__).with_name("requirements.lock")
_HOME = ROOT / ".polyplus" / "bench" / "venv"


def peer_python(home: Path = _HOME) -> Path:
    """The interpreter that has the peers' packages. Raises CannotRun when they cannot be installed."""
    python, mark = home / "bin" / "python", home / ".installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        print(f"installing the peers into {home.relative_to(ROOT)} (once)", file=sys.stderr, flush=True)
        venv.EnvBuilder(clear=True, with_pip=True).create(home)
        argv = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            str(LOCK),
        ]
        if subprocess.run(argv, check=False).returncode:
            raise CannotRun("the peers' packages could not be installed: see pip's message above")
        mark.write_text(wanted)
    return python
