"""How large the libraries may be: `python -m tests.support.sizes` says how large they are, and fails where one has outgrown its bound.

The bounds and what they are for: docs/adr/0017.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOUNDS = {"bus": 4400, "store": 1850, "kit": 4460, "tables": 310}
"""Lines of Python at most, blank ones and comments too, without tests."""


def lines(library: str) -> int:
    files = (f for f in (ROOT / "libs" / library).rglob("*.py") if "tests" not in f.relative_to(ROOT).parts)
    return sum(len(file.read_text().splitlines()) for file in files)


def main() -> int:
    sizes = {library: lines(library) for library in BOUNDS}
    print("lines:", ", ".join(f"libs/{name} {sizes[name]:,} of {bound:,}" for name, bound in BOUNDS.items()))
    grown = [name for name, bound in BOUNDS.items() if sizes[name] > bound]
    for name in grown:
        print(
            f"libs/{name} has outgrown its bound: take something out, or say in docs/adr why it is more",
            file=sys.stderr,
        )
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
