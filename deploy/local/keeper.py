"""Outlives a supervisor that was killed, and stops what it had started.

Standard input holds one JSON line per process started or ended; its end without a farewell means that the supervisor is gone.
"""

from __future__ import annotations

import json
import signal
import sys

from deploy.local.identity import Started, stop_all


def main() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    kept: dict[int, Started] = {}
    for line in sys.stdin:
        word = json.loads(line)
        if word["act"] == "started":
            process = Started(**word["process"])
            kept[process.pid] = process
        elif word["act"] == "ended":
            kept.pop(word["pid"], None)
        else:
            return
    stop_all(kept.values())


if __name__ == "__main__":
    main()
