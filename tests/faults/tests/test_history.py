from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.faults.history import Caller, Histories, History, HistoryCorrupt, raw, read, traceparent

CUSTOMER = Caller(UUID(int=1), "customer", frozenset({UUID(int=7), UUID(int=8)}))
_WRITES_AND_IS_KILLED = """
import os, signal, sys
from pathlib import Path
from uuid import UUID
from tests.faults.history import Caller, History

history = History(Path(sys.argv[1]), "load")
history.request(Caller(UUID(int=1), "customer"), "POST", "/v1/cases", b"{}", key="k")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    with History(tmp_path, "load") as history:
        answered = history.request(CUSTOMER, "POST", "/v1/cases", b'{"a":"\xff"}', key="k", headers={"If-Match": '"1"'})
        history.response(answered, 201, {"ETag": '"1"'}, b"\x00\xfe ok")
        lost = history.request(CUSTOMER, "GET", "/v1/cases")
        history.unknown(lost, "reset")

    first, second = Histories.of(read(tmp_path)).exchanges

    assert (first.caller, first.status, first.trace_id) == (CUSTOMER, 201, traceparent(answered).split("-")[1])
    assert first.response is not None
    assert (raw(first.request["body"]), raw(first.response["body"])) == (b'{"a":"\xff"}', b"\x00\xfe ok")
    assert first.request["headers"] == {"if-match": '"1"'}
    assert (second.status, second.succeeded, second.is_command) == (None, False, False)


def test_a_killed_client_leaves_its_request_with_an_unknown_outcome(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _WRITES_AND_IS_KILLED, str(tmp_path)]
    assert subprocess.run(argv, check=False, env={**os.environ, "PYTHONPATH": "."}).returncode == -9

    (exchange,) = Histories.of(read(tmp_path)).exchanges

    assert (exchange.request["key"], exchange.status, exchange.ended) == ("k", None, None)


def test_a_line_torn_by_its_writers_death_is_passed_over_and_one_torn_otherwise_is_not(tmp_path: Path) -> None:
    file = tmp_path / "history" / "load.jsonl"
    with History(tmp_path, "load") as history:
        history.mark("faults over")
    with file.open("ab") as torn:
        torn.write(b'{"kind":"request","att')
    with History(tmp_path, "load") as history:
        history.response(uuid4(), 200, {}, b"")

    assert [line["kind"] for line in read(tmp_path)] == ["opened", "mark", "opened", "response"]

    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([lines[0], lines[1][:-9], lines[4]]))
    with pytest.raises(HistoryCorrupt):
        read(tmp_path)
