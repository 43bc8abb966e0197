"""What the edge leans on in uvicorn and its parser: another version that has it differently says so here."""

import asyncio
import inspect

import httptools
import pytest
from uvicorn.config import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState

OVERRIDDEN = {
    "connection_made": ["transport"],
    "connection_lost": ["exc"],
    "data_received": ["data"],
    "on_message_begin": [],
    "on_header": ["name", "value"],
    "on_headers_complete": [],
    "on_body": ["body"],
    "on_message_complete": [],
    "on_response_complete": [],
    "_start_asgi_task": ["cycle", "app"],
}


async def _app(scope: object, receive: object, send: object) -> None:
    return None


def test_the_protocol_has_the_methods_that_the_edge_overrides() -> None:
    found = {name: list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters)[1:] for name in OVERRIDDEN}
    assert found == OVERRIDDEN


def test_a_server_keeps_the_signals_that_it_raises_again_once_it_has_served() -> None:
    assert Server(Config(_app, log_config=None))._captured_signals == []


async def test_protocol_cycle_and_flow_have_what_the_edge_reads_and_sets() -> None:
    config = Config(_app, log_config=None)
    protocol = HttpToolsProtocol(config, ServerState(), {}, _loop=asyncio.get_running_loop())
    protocol.on_message_begin()
    for name in (
        "parser", "flow", "transport", "client", "cycle", "pipeline", "url", "headers", "scope", "server_state", "loop",
        "expect_100_continue",
    ):  # fmt: skip
        assert hasattr(protocol, name), name
    assert list(inspect.signature(RequestResponseCycle).parameters) == [
        "scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event",
        "expect_100_continue", "keep_alive", "on_response",
    ]  # fmt: skip
    source = inspect.getsource(RequestResponseCycle)
    for name in (
        "disconnected", "message_event", "response_started", "response_complete", "default_headers", "chunked_encoding",
        "expected_content_length", "transport.write(", "transport.close(", "transport.is_closing(",
    ):  # fmt: skip
        assert f"self.{name}" in source, name
    assert source.count("self.transport.") == sum(
        source.count(f"self.transport.{used}(") for used in ("write", "close", "is_closing")
    )
    assert {"read_paused", "write_paused"} <= set(vars(FlowControl(asyncio.Transport())))
    assert httptools_impl.STATUS_LINE[408] == b"HTTP/1.1 408 Request Timeout\r\n"
    assert ServerState().default_headers == []


def test_the_parser_says_what_the_edge_listens_for() -> None:
    heard: list[tuple[str, bytes]] = []

    class Heard:
        def on_header(self, name: bytes, value: bytes) -> None:
            heard.append((name.decode(), value))
            if name == b"Bad":
                raise KeyError(name)

        def on_headers_complete(self) -> None:
            heard.append(("complete", b""))

    trailer = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b \r\n\r\n"
    httptools.HttpRequestParser(Heard()).feed_data(trailer)
    assert [name for name, _ in heard] == ["Transfer-Encoding", "complete", "A"]
    with pytest.raises(httptools.HttpParserCallbackError) as raised:
        httptools.HttpRequestParser(Heard()).feed_data(b"GET / HTTP/1.1\r\nBad: x\r\n\r\n")
    assert isinstance(raised.value.__context__, KeyError)
    asks = b"POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\n"
    upgrading = httptools.HttpRequestParser(Heard())
    with pytest.raises(httptools.HttpParserUpgrade) as upgrade:
        upgrading.feed_data(asks + b"a")
    assert upgrade.value.args == (len(asks),)
    assert (upgrading.should_upgrade(), upgrading.get_method()) == (True, b"POST")
