from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from deploy.cli.__main__ import main
from deploy.local import environment
from deploy.local.kafka import KafkaLogin
from libs.bus.tests.stage import Stage, a_stage
from services.escalation.app import service
from tests.support.harness import harness_fixture

escalation = harness_fixture(service)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """`polyplus` over the stack's folder `home`, in this process."""

    home: Path
    capsys: pytest.CaptureFixture[str]

    def knows(self, **variables: str) -> None:
        environment.write(self.home, {f"POLYPLUS_{name}": held for name, held in variables.items()})

    async def __call__(self, *arguments: str) -> Outcome:
        self.capsys.readouterr()
        code = await asyncio.to_thread(main, [*arguments, "--home", str(self.home)])
        return Outcome(code, *self.capsys.readouterr())

    async def typed(self, *words: str) -> Outcome:
        """The same, `--home` given only where the command takes it."""
        takes = words[:1] not in (("serve",), ("migration",), ("lock-jars",))
        is_whole = words[:1] and words[:2] not in (("dlq",), ("clock",)) and words[0] != "nope"
        self.capsys.readouterr()
        home = ["--home", str(self.home)] if takes and is_whole else []
        code = await asyncio.to_thread(main, [*words, *home])
        return Outcome(code, *self.capsys.readouterr())


@pytest.fixture
def polyplus(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    elsewhere = {name: value for name, value in os.environ.items() if not name.endswith("_DATABASE_URL")}
    monkeypatch.setattr("os.environ", elsewhere)  # a copy: what a command sets there ends with the test
    yield Cli(tmp_path, capsys)
    structlog.reset_defaults()  # a command sends its logs to the standard error of this test


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_url: str, kafka_login: KafkaLogin) -> AsyncIterator[Stage]:
    async with a_stage(postgres_url, kafka_login) as made:
        yield made
