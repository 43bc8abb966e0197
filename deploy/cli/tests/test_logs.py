"""What an operator reads at three in the morning: one trace through all services, in the order of time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from deploy.cli.logs import _Place
from deploy.cli.tests.conftest import Cli

NOW = datetime.now(UTC)


def line(event: str, seconds_ago: float, **fields: str) -> str:
    at = (NOW - timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")
    return json.dumps({"event": event, "level": "info", "time": at, **fields}) + "\n"


@pytest.fixture
def logs(polyplus: Cli) -> Cli:
    folder = polyplus.home / "logs"
    folder.mkdir()
    (folder / "rma.log.1").write_text(line("long ago", 7200))
    (folder / "rma.log").write_text(
        line("reserved", 30, trace_id="t1", event_id="e1")
        + line("broken", 10, level="error", exception="at one\nat two")
    )
    (folder / "cases.log").write_text(line("opened", 40, trace_id="t1") + line("opened", 35, trace_id="t2"))
    (folder / "postgres.log").write_text(
        f"{NOW - timedelta(seconds=20):%Y-%m-%d %H:%M:%S.123} UTC [7] ERROR:  deadlock detected\n\tHINT: see the log\n"
    )
    return polyplus


async def test_all_logs_are_merged_by_time(logs: Cli) -> None:
    said = await logs("logs")
    assert said.code == 0
    told = [text[24:].split() for text in said.out.splitlines() if not text.startswith("    ")]
    assert [(words[1], words[2]) for words in told] == [
        ("rma", "long"), ("cases", "opened"), ("cases", "opened"), ("rma", "reserved"), ("postgres", told[4][2]), ("postgres", "HINT:"),
        ("rma", "broken"),
    ]  # fmt: skip
    assert "    at one\n    at two" in said.out


async def test_one_trace_is_followed_through_all_services(logs: Cli) -> None:
    told = [json.loads(text) for text in (await logs("logs", "--trace", "t1", "--json")).out.splitlines()]
    assert [(each["service"], each["event"]) for each in told] == [("cases", "opened"), ("rma", "reserved")]
    assert [
        json.loads(text)["event_id"] for text in (await logs("logs", "--event", "e1", "--json")).out.splitlines()
    ] == ["e1"]


async def test_only_what_is_asked_for_is_shown(logs: Cli) -> None:
    assert "long ago" not in (await logs("logs", "--since", "1h")).out
    severe = (await logs("logs", "--level", "error")).out
    assert "deadlock" in severe
    assert "broken" in severe
    assert "opened" not in severe
    assert (await logs("logs", "cases", "-n", "1")).out.count("\n") == 1


async def test_following_shows_whole_lines_and_survives_a_log_that_begins_anew(logs: Cli) -> None:
    file = logs.home / "logs" / "cases.log"
    place = _Place(file)
    assert len(place.new()) == 2
    with file.open("a") as log:
        log.write('{"event": "ha')
    assert place.new() == []
    with file.open("a") as log:
        log.write('lf", "time": "2026-11-29T04:00:00Z"}\n')
    assert [each["event"] for each in place.new()] == ["half"]
    file.replace(file.with_suffix(".log.1"))
    file.write_text(line("anew", 1))
    assert [each["event"] for each in place.new()] == ["anew"]
