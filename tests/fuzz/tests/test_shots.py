"""The judge is judged: a server that does each thing that no answer may be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import schemathesis

from tests.fuzz.callers import Callers
from tests.fuzz.pairs import CALLERS, Route, all_routes
from tests.fuzz.shots import Aim

_ANSWERS = {
    "fine": (200, "application/json", b'{"id": "a"}'),
    "breaks": (500, "application/problem+json", b'{"status": 500}'),
    "surprises": (418, "application/problem+json", b'{"status": 418}'),
    "lies": (200, "application/json", b'{"id": 7}'),
    "mumbles": (200, "text/plain", b"a"),
}
_SAYS = {
    "application/json": {"schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}}
}
_DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "paths": {
        f"/v1/{name}": {"get": {"responses": {"200": {"description": "ok", "content": _SAYS}}}}
        for name in (*_ANSWERS, "silent")
    },
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name not in _ANSWERS:
            self.close_connection = True
            return
        status, kind, body = _ANSWERS[name]
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def _routes() -> dict[str, Route]:
    document = json.loads(json.dumps(_DOCUMENT))
    return {route.path.rpartition("/")[2]: route for route in all_routes(schemathesis.openapi.from_dict(document))}


@pytest.mark.parametrize("name", [*_ANSWERS, "silent"])
def test_what_no_answer_may_be_is_found_and_nothing_else(url: str, name: str) -> None:
    callers = Callers(url, dict.fromkeys(CALLERS, "a token"))
    with httpx.Client(timeout=10, trust_env=False) as http:
        found = Aim(callers, {}, http).fire(_routes()[name], shots=1, seed=1)
    if name == "fine":
        assert found == []
    else:
        assert {finding.label for finding in found} == {f"GET /v1/{name} as {role}" for role in CALLERS}
