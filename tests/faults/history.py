"""What the client of a run saw: lines of JSON, appended and flushed one by one, so that its own death loses nothing but a torn line.

A folder of evidence holds `history/<writer>.jsonl`, one file for each process that writes (`load`, `faults`, `sampler`); the checker
reads them together, in the order of `tick`. Every line has

| field | meaning |
|---|---|
| `kind` | one of those below |
| `at` | wall clock of the writer, seconds since 1970 |
| `tick` | CLOCK_MONOTONIC in seconds: one clock for all processes of this machine, which no clock fault moves |

| kind | written | further fields |
|---|---|---|
| `opened` | first of all, and again when the writer comes back | `writer` |
| `request` | before the first byte is sent | `attempt` (UUID, one for each try), `method`, `path` with its query, `headers` as sent without `authorization`, `key` (Idempotency-Key or null), `caller`, `body`, `body_sha256` |
| `response` | when all of it is read | `attempt`, `status`, `headers` (names in lower case), `body`, `body_sha256` |
| `unknown` | the outcome is not known: connection lost, timeout | `attempt`, `reason` |
| `frame` | one SSE frame was heard, also `dropped` | `listener`, `caller`, `id`, `event`, `data` |
| `produced` | the run itself put a record on a topic, past every outbox | `topic`, `event_id` or null, `why` |
| `fault` | before and after each fault | `what`, `target`, `phase` (`begin`, `end`), further details |
| `mark` | `faults over`: the last fault has ended · `quiet`: nothing is left to do | `name` |
| `sample` | every so often, by the sampler | `service`, and what tests.faults.sampler says |

A try without `response` and `unknown` (the client died) has an unknown outcome as well. A repeat under the same Idempotency-Key is
a new `request` with the same `key`, caller, path and body. `caller` is `Caller.line()`. Bodies are text, decoded as UTF-8 with
`surrogateescape`, so that every byte survives; `body_sha256` is of the bytes. Each attempt sends a `traceparent` of its own
(`traceparent(attempt)`), by which the checker counts the effects of a try.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

FOLDER = "history"
FAULTS_OVER, QUIET = "faults over", "quiet"
Line = dict[str, Any]


class HistoryCorrupt(ValueError):
    """A line in the middle of a history is no JSON: it was not only torn by its writer's death."""


@dataclass(frozen=True)
class Caller:
    """Whose token a request or listener carries; `id` is the client's, `accounts` are those its token names."""

    id: UUID
    role: str
    accounts: frozenset[UUID] = frozenset()
    partner_id: UUID | None = None
    depots: frozenset[UUID] = frozenset()
    technician_id: UUID | None = None

    def line(self) -> Line:
        known = {"partner_id": self.partner_id, "technician_id": self.technician_id}
        many = {"accounts": self.accounts, "depots": self.depots}
        return {
            "id": str(self.id), "role": self.role, **{name: sorted(map(str, ids)) for name, ids in many.items()},
            **{name: str(id) for name, id in known.items() if id},
        }  # fmt: skip

    @classmethod
    def of(cls, line: Line) -> Self:
        ids = {name: UUID(line[name]) for name in ("partner_id", "technician_id") if name in line}
        accounts, depots = (frozenset(map(UUID, line[name])) for name in ("accounts", "depots"))
        return cls(UUID(line["id"]), line["role"], accounts, depots=depots, **ids)


def traceparent(attempt: UUID) -> str:
    """The W3C trace context that an attempt sends: its trace id is the attempt's."""
    return f"00-{attempt.hex}-{attempt.hex[:15]}1-01"


def text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def raw(body: str) -> bytes:
    """The bytes again."""
    return body.encode("utf-8", "surrogateescape")


class History:
    """The writer. `with History(folder, "load") as history:`; one process, any number of tasks."""

    def __init__(self, folder: Path, writer: str) -> None:
        """`folder` is the evidence's; what this writer wrote before stays."""
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        self._file = (folder / FOLDER / f"{writer}.jsonl").open("ab", buffering=0)
        if self._file.tell():
            self._file.write(b"\n")  # the last line may be torn; an empty one is passed over
        self._write("opened", writer=writer, pid=os.getpid())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def request(
        self,
        caller: Caller,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> UUID:
        """Says that a request is about to be sent; the attempt, whose `traceparent()` goes with it."""
        attempt = uuid4()
        sent = {n.lower(): v for n, v in (headers or {}).items() if n.lower() != "authorization"}
        self._write(
            "request", attempt=str(attempt), method=method, path=path, headers=sent, key=key, caller=caller.line(), **_kept(body)
        )  # fmt: skip
        return attempt

    def response(self, attempt: UUID, status: int, headers: Mapping[str, str], body: bytes) -> None:
        kept = {name.lower(): value for name, value in headers.items()}
        self._write("response", attempt=str(attempt), status=status, headers=kept, **_kept(body))

    def unknown(self, attempt: UUID, reason: str) -> None:
        self._write("unknown", attempt=str(attempt), reason=reason)

    def frame(self, listener: str, caller: Caller, id: str, event: str, data: str) -> None:
        self._write("frame", listener=listener, caller=caller.line(), id=id, event=event, data=data)

    def produced(self, topic: str, event_id: UUID | None, why: str) -> None:
        self._write("produced", topic=topic, event_id=event_id and str(event_id), why=why)

    def fault(self, what: str, target: str, phase: str, **details: Any) -> None:
        self._write("fault", what=what, target=target, phase=phase, **details)

    def mark(self, name: str) -> None:
        self._write("mark", name=name)

    def sample(self, service: str, **seen: Any) -> None:
        self._write("sample", service=service, **seen)

    def _write(self, kind: str, **fields: Any) -> None:
        line = {"kind": kind, "at": time.time(), "tick": time.monotonic(), **fields}
        # one write for a line, past every buffer of ours: the kernel has it when the process is killed
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _kept(body: bytes) -> Line:
    return {"body": text(body), "body_sha256": hashlib.sha256(body).hexdigest()}


def read(folder: Path) -> list[Line]:
    """Every line of every writer, in the order of `tick`. Raises HistoryCorrupt."""
    lines = [line for file in sorted((folder / FOLDER).glob("*.jsonl")) for line in _lines(file)]
    return sorted(lines, key=lambda line: float(line["tick"]))


def _lines(file: Path) -> Iterator[Line]:
    torn: int | None = None
    with file.open("rb") as content:
        for number, each in enumerate(content, 1):
            if not each.strip():
                continue
            try:
                line: Line = json.loads(each)
            except ValueError:
                if torn is not None:
                    raise HistoryCorrupt(f"{file.name}: line {torn} is no JSON") from None
                torn = number
                continue
            if torn is not None and line["kind"] != "opened":
                raise HistoryCorrupt(f"{file.name}: line {torn} is no JSON")
            torn = None
            yield line


@dataclass
class Exchange:
    """One attempt: what was sent, and what came back as far as it is known."""

    request: Line
    response: Line | None = None
    ended: float | None = None
    """The tick at which the client stopped waiting for it; None when it died before."""

    @property
    def caller(self) -> Caller:
        return Caller.of(self.request["caller"])

    @property
    def trace_id(self) -> str:
        return UUID(self.request["attempt"]).hex

    @property
    def status(self) -> int | None:
        """None: the outcome is unknown."""
        return None if self.response is None else int(self.response["status"])

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_command(self) -> bool:
        return self.request["method"] in ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Histories:
    """A history as the checker looks at it."""

    lines: list[Line]
    exchanges: list[Exchange] = field(default_factory=list)

    @classmethod
    def of(cls, lines: list[Line]) -> Self:
        by_attempt: dict[str, Exchange] = {}
        for line in lines:
            if line["kind"] == "request":
                by_attempt[line["attempt"]] = Exchange(line)
            elif line["kind"] in ("response", "unknown"):
                exchange = by_attempt[line["attempt"]]
                exchange.ended = line["tick"]
                if line["kind"] == "response":
                    exchange.response = line
        return cls(lines, list(by_attempt.values()))

    def of_kind(self, kind: str) -> list[Line]:
        return [line for line in self.lines if line["kind"] == kind]

    def mark(self, name: str) -> float | None:
        """The tick of the last such mark."""
        ticks = [line["tick"] for line in self.of_kind("mark") if line["name"] == name]
        return ticks[-1] if ticks else None
