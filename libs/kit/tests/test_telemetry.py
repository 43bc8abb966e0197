import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import prometheus_client
import pytest
import structlog

from libs.kit import telemetry
from libs.kit.foreign import Tamed
from libs.store.tracing import continued, traceparent

FOREIGN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = "whsec_c2VjcmV0"


@contextmanager
def logging_to(stream: TextIO) -> Iterator[None]:
    """With the logging of the test run put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:
        root.removeHandler(handler)
    telemetry.configure("rma", stream=stream)
    try:
        yield
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process writes."""
    written = io.StringIO()
    with logging_to(written):
        yield written


def test_a_disk_that_is_full_costs_lines_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115 - to close it would say once more that it is full
    with logging_to(full):
        for _ in range(100):
            structlog.get_logger().warning("a service hangs", upstream="rma" * 1000)
            telemetry.tell_quickly("request", '"status": 200')
            logging.getLogger("library").warning("no connection")
    with suppress(OSError):
        full.close()
    assert capfd.readouterr().err == ""


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_log_line_says_when_where_who_and_in_which_trace(lines: io.StringIO) -> None:
    with continued(FOREIGN), structlog.contextvars.bound_contextvars(actor="engineer:7"):
        _, _, span_id, _ = (traceparent() or "").split("-")
        structlog.get_logger().info("part shipped", tracking="Việt 1")
    [line] = read(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "part shipped",
        "level": "info",
        "service": "rma",
        "actor": "engineer:7",
        "tracking": "Việt 1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": span_id,
    }


def test_a_librarys_warning_is_a_json_line_too(lines: io.StringIO) -> None:
    logging.getLogger("asyncio").warning("slow callback took %s", 3)
    logging.getLogger("asyncio").info("chatter")
    [line] = read(lines)
    assert (line["event"], line["level"], line["service"]) == ("slow callback took 3", "warning", "rma")


def test_an_exception_is_one_line(lines: io.StringIO) -> None:
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    [line] = read(lines)
    assert 'int("broken")' in line["exception"]
    assert "ValueError: at libs/kit/tests/test_telemetry.py:" in line["exception"]


def test_a_library_that_repeats_itself_is_cut_short_and_counted() -> None:
    heard: list[logging.LogRecord] = []
    told, now = threading.Event(), 0.0

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)
            if hasattr(record, "repeated"):
                told.set()

    library, ear = logging.getLogger("a.library"), Ear()
    ear.addFilter(Tamed(most=3, seconds=0.2, clock=lambda: now))
    library.addHandler(ear)
    try:
        for attempt in range(50):
            library.warning("no connection to broker %s", attempt)
        library.warning("another word")
        assert [record.getMessage() for record in heard] == [
            "no connection to broker 0", "no connection to broker 1", "no connection to broker 2", "another word",
        ]  # fmt: skip
        assert told.wait(20), "the count comes at the window's end"
        assert (heard[-1].getMessage(), heard[-1].repeated) == ("repeated: no connection to broker %s", 47)  # type: ignore[attr-defined]
        library.warning("no connection to broker %s", 50)
        assert heard[-1].getMessage() == "no connection to broker 50"
    finally:
        library.removeHandler(ear)


def test_a_window_that_nothing_filled_begins_anew_by_the_clock() -> None:
    now = 0.0
    tamed = Tamed(most=1, seconds=60, clock=lambda: now)
    record = logging.LogRecord("a.library", logging.WARNING, "", 1, "away", (), None)
    assert [tamed.filter(record), tamed.filter(record)] == [True, False]
    now = 61.0
    assert tamed.filter(record)


def test_a_library_that_never_says_the_same_twice_is_not_remembered_for_ever() -> None:
    now = 0.0
    tamed = Tamed(most=1, seconds=60, clock=lambda: now)

    def passes(message: str) -> bool:
        return tamed.filter(logging.LogRecord("a.library", logging.WARNING, "", 1, message, (), None))

    for n in range(5_000):
        now += 1
        assert passes(f"row {n} is odd")
        assert not passes(f"row {n} is odd")
    for n in range(5_000):
        passes(f"row {n} of the same minute is odd")
    assert len(tamed._windows) <= 1_000


@pytest.mark.parametrize(
    "fields",
    [
        {"Authorization": SECRET},
        {"client_secret": SECRET},
        {"settings": {"kafka": [{"PASSWORD": SECRET}]}},
        {"headers": [(b"authorization", SECRET.encode()), ("x", "y")]},
        {"access_token": SECRET},
        {"error": f"cannot connect to postgresql://rma:{SECRET}@127.0.0.1/rma"},
        {"said": f"Authorization was Bearer {SECRET}"},
    ],
)
def test_a_secret_is_never_written(lines: io.StringIO, fields: dict[str, Any]) -> None:
    structlog.get_logger().info("called", **fields)
    logging.getLogger("library").warning("called", extra=fields)
    assert SECRET not in lines.getvalue()
    assert "[hidden]" in lines.getvalue()
    assert "called" in lines.getvalue()


def test_a_field_that_holds_itself_does_not_stop_the_log(lines: io.StringIO) -> None:
    ring: list[object] = []
    ring.append(ring)
    structlog.get_logger().info("odd", ring=ring)
    assert read(lines)[0]["event"] == "odd"


def test_metrics_are_exposed_as_prometheus_text() -> None:
    shipped = telemetry.counter("test_parts_shipped", "Parts shipped.", ["depot"])
    took = telemetry.histogram("test_ship_seconds", "Time to ship.")
    waiting = telemetry.gauge("test_waiting", "Parts waiting.")
    try:
        shipped.labels(depot="SGN").inc()
        took.observe(0.003)
        waiting.set(4)
        text = telemetry.exposition()
    finally:
        for metric in (shipped, took, waiting):
            prometheus_client.REGISTRY.unregister(metric)
    assert 'polyplus_test_parts_shipped_total{depot="SGN"} 1.0' in text
    assert 'polyplus_test_ship_seconds_bucket{le="0.005"} 1.0' in text
    assert "polyplus_test_waiting 4.0" in text
    assert "process_resident_memory_bytes" in text
