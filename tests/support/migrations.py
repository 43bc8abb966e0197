"""The order of each service's migrations: `python -m tests.support.migrations` fails where two have one number or one misses its forerunner.

Two branches that each add the next number merge without a conflict; then Alembic finds two ends and migrates nothing.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def trouble_in(versions: Path) -> Iterator[str]:
    """Which files of a service's `versions` are not the next one after the file before, by name, `revision` and `down_revision`."""
    before: str | None = None
    for n, file in enumerate(sorted(versions.glob("[0-9]*.py")), 1):
        number, text = file.name[:4], file.read_text()
        if number != f"{n:04}":
            yield f"{file}: {n:04} is its turn; number it anew"
            return
        if _named(text, "revision") != number or _named(text, "down_revision") != before:
            yield f"{file}: its revision is to be {number!r}, its down_revision {before!r}"
            return
        before = number


def _named(text: str, name: str) -> str | None:
    found = re.search(rf"^{name} = (?:\"(\d+)\"|None)$", text, re.MULTILINE)
    return found[1] if found else ""


def main() -> int:
    folders = sorted((ROOT / "services").glob("*/migrations/versions"))
    found = [line for folder in folders for line in trouble_in(folder)]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
