"""Requests made up from the document, fired at the door, and each answer held against the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.callers import Callers
from tests.fuzz.pairs import CALLERS, Route

_CHECKS: list[CheckFunction] = [status_code_conformance, content_type_conformance, response_schema_conformance]
_STREAM = "text/event-stream"
_SAID = 600  # characters of an answer that a finding shows
Case = schemathesis.Case[Any]


@dataclass(frozen=True)
class Finding:
    """What must not be, and the request that shows it."""

    label: str
    what: str
    request: str

    def __str__(self) -> str:
        return f"{self.label}: {self.what}\n    {self.request}"


@dataclass
class Aim:
    """Where the shots go, and what they may name."""

    callers: Callers
    known: Mapping[str, Sequence[str]]
    http: httpx.Client

    def fire(self, route: Route, *, shots: int, seed: int) -> list[Finding]:
        """So many requests to this route, each as every caller; the same ones for the same seed and data."""
        cases: list[Case] = []
        good = route.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
        bad = route.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

        @hypothesis.seed(seed)
        @settings(
            max_examples=shots,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(st.data())
        def make_up(data: st.DataObject) -> None:
            case = data.draw(data.draw(st.sampled_from([good, good, bad])))
            self._name_what_there_is(case, data)
            cases.append(case)

        try:
            make_up()
        except HypothesisException:  # there is no such request: a route without parameters has no malformed ones
            cases.append(route.Case())
        return [finding for case in cases for role in CALLERS for finding in self._send(case, role)]

    def _name_what_there_is(self, case: Case, data: st.DataObject) -> None:
        """Ids of things that exist instead of made-up ones, most of the time."""

        def named(resource: str) -> str | None:
            ids = self.known.get(resource)
            return data.draw(st.sampled_from(ids)) if ids and data.draw(st.integers(0, 4)) else None

        resource = case.path.removeprefix("/v1/").partition("/")[0]
        for first in list(case.path_parameters)[:1]:
            id = named(resource)
            case.path_parameters[first] = id or case.path_parameters[first]
        if isinstance(case.body, dict):
            for name in [each for each in case.body if each.endswith("_id")]:
                if id := named(f"{name.removesuffix('_id')}s"):
                    case.body[name] = id

    def _send(self, case: Case, role: str) -> list[Finding]:
        how: dict[str, Any] = case.as_transport_kwargs(base_url=self.callers.url)
        headers = {str(name).lower(): str(value) for name, value in (how.pop("headers", None) or {}).items()}
        if case.method.upper() == "POST":
            headers["idempotency-key"] = str(uuid4())
        if "if-match" in headers:
            headers["if-match"] = '"1"'
        headers |= self.callers.headers(role) | {"accept-encoding": "identity"}
        how.pop("cookies", None)
        try:
            request = self.http.build_request(
                how["method"], how["url"], headers=httpx.Headers(headers, encoding="utf-8"), params=how.get("params"), json=how.get("json"),
                content=how.get("data") if isinstance(how.get("data"), str | bytes) else None,
                files=how.get("files"),
            )  # fmt: skip
        except (ValueError, TypeError, UnicodeError, httpx.InvalidURL):
            return []  # no client can send this
        label = f"{case.operation.label} as {role}"
        return _judged(label, case, request, lambda: self.http.send(request, stream=True))


def _judged(label: str, case: Case, request: httpx.Request, send: Callable[[], httpx.Response]) -> list[Finding]:
    shown = f"{request.method} {request.url} {request.content[:_SAID]!r}"
    try:
        answer = send()
        if answer.headers.get("content-type", "").startswith(_STREAM):
            answer.close()
            return []
        answer.read()
        answer.close()
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
        return []
    except httpx.HTTPError as error:
        return [Finding(label, f"no answer: {error!r}", shown)]
    if answer.status_code >= 500:
        return [Finding(label, f"{answer.status_code} {answer.text[:_SAID]}", shown)]
    try:
        case.validate_response(answer, checks=_CHECKS)
    except FailureGroup as group:
        return [Finding(label, _told(each, answer), shown) for each in group.exceptions]
    except Failure as failure:
        return [Finding(label, _told(failure, answer), shown)]
    return []


def _told(failure: BaseException, answer: httpx.Response) -> str:
    title, message = getattr(failure, "title", ""), getattr(failure, "message", str(failure))
    return f"{answer.status_code}: {title}: {message[:_SAID]} — {answer.text[:_SAID]}"
