"""What `make test` says while no test ends: that the workers read the tests, and then which tests they are at."""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import Any

import pytest

SILENT_SECONDS = 10.0


class Progress:
    """A line whenever nothing was written for `SILENT_SECONDS`. Only for the process that has workers."""

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter
        self._over = Event()
        self._began = self._wrote = time.monotonic()
        self._tests, self._done = 0, 0
        self._running: dict[str, float] = {}
        self._thread = Thread(target=self._speak, daemon=True)

    def pytest_xdist_setupnodes(self, specs: list[Any]) -> None:
        self._say(f"{len(specs)} workers read the tests; the first results come in half a minute")
        self._thread.start()

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._tests = len(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._running[nodeid] = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._wrote = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._running.pop(nodeid, None)
        self._done += 1

    def pytest_sessionfinish(self) -> None:
        self._over.set()

    def _speak(self) -> None:
        while not self._over.wait(SILENT_SECONDS / 4):
            now = time.monotonic()
            if now - self._wrote < SILENT_SECONDS:
                continue
            if not self._tests:
                self._say(f"{now - self._began:.0f} s: the workers read the tests")
            else:
                at = ", ".join(
                    f"{id.partition('[')[0]} for {now - since:.0f} s" for id, since in [*self._running.items()]
                )
                self._say(
                    f"{now - self._began:.0f} s: {self._done:,} of {self._tests:,} tests done, now at {at or 'none'}"
                )

    def _say(self, line: str) -> None:
        self._wrote = time.monotonic()
        self._reporter.ensure_newline()
        self._reporter.write_line(f"poly+: {line}")
        self._reporter.flush()
