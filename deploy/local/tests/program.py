"""A module to be started as a program: `exit CODE`, or `stay`."""

from __future__ import annotations

import os
import sys
import time


def main(what: str, *code: str) -> None:
    given = {name: value for name, value in os.environ.items() if name.startswith("POLYPLUS")}
    print("colorsys" in sys.modules, given, sys.argv[1:], "ready", flush=True)
    if what == "exit":
        sys.exit(int(code[0]))
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
