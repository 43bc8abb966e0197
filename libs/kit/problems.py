"""Errors as RFC 9457 problems. A model raises `class ReturnWindowClosed(Conflict)`; here it becomes an answer."""

import asyncpg
import pydantic_core
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from libs.store import NotFound, StaleRevision
from libs.store.errors import EventTooLarge, passes

log = structlog.get_logger()
HANDLED_BY_FASTAPI = (RequestValidationError, HTTPException)
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal with a reason. `detail` says what went wrong and what is possible now; `extra` become members of the body."""

    status = 500
    title = "Internal error"

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail, self.extra = detail, extra
        self.headers: dict[str, str] = {}

    @property
    def type(self) -> str:
        """A stable name of this kind of problem."""
        name = type(self).__name__
        return "urn:polyplus:problem:" + "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class BadRequest(Problem):
    status, title = 400, "Bad request"


class Unauthenticated(Problem):
    status, title = 401, "Not authenticated"

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    status, title = 403, "Not allowed"


class Missing(Problem):
    status, title = 404, "Not found"


class MethodNotAllowed(Problem):
    """The header `Allow` and the member `allowed` say what the path takes."""

    status, title = 405, "Method not allowed"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"This path takes {', '.join(allowed)}.", allowed=allowed)
        self.headers = {"Allow": ", ".join(allowed)}


class Conflict(Problem):
    """Forbidden in the present state."""

    status, title = 409, "Not possible in this state"


class PreconditionFailed(Problem):
    status, title = 412, "Changed meanwhile"


class UnsupportedMediaType(Problem):
    """The header `Accept` says what the body can be."""

    status, title = 415, "Not a kind of body that is taken here"

    def __init__(self, detail: str, *accepted: str) -> None:
        super().__init__(detail, accepted=accepted)
        self.headers = {"Accept": ", ".join(accepted)}


class Unprocessable(Problem):
    """Understood, and refused for what it says, or because the case takes no commands any more."""

    status, title = 422, "Refused"


class NotOfThisAccount(Unprocessable):
    """A site, contact or contract was named that the account does not have: another's, a forgotten one, or none at all."""

    title = "Not of this account"


class PreconditionRequired(Problem):
    status, title = 428, "If-Match is required"


class TooManyRequests(Problem):
    status, title = 429, "Too many requests"


class CallerLeft(Problem):
    """The connection ended before the request did: nobody gets this."""

    status, title = 499, "The caller left"


class Unavailable(Problem):
    status, title = 503, "Unavailable"

    def __init__(self, detail: str, *, retry_after: int = 1, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.headers = {"Retry-After": str(retry_after)}


def body_of(problem: Problem) -> dict[str, object]:
    extra = pydantic_core.to_jsonable_python(problem.extra, fallback=str)
    return {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        **extra,
    }


def answer(problem: Problem) -> JSONResponse:
    """The problem as a response."""
    return JSONResponse(body_of(problem), problem.status, problem.headers, MEDIA_TYPE)


def as_problem(error: Exception) -> Problem | None:
    """What an error of the layers below means to a caller; None for one that nobody foresaw."""
    match error:
        case Problem():
            return error
        case ClientDisconnect():
            return CallerLeft("The request did not come whole.")
        case NotFound():
            return Missing(str(error))
        case StaleRevision():
            return PreconditionFailed(str(error), revision=error.revision)
        case EventTooLarge():
            return Unprocessable("What this would record is too large: shorten its texts or lists.")
        case asyncpg.CharacterNotInRepertoireError() | asyncpg.UntranslatableCharacterError():
            return InvalidRequest("A text holds a NUL character, which cannot be stored.")
        case asyncpg.PostgresError(sqlstate=str(state)) if state.startswith("22"):
            return Unprocessable("A value cannot be stored: a number or a date is out of range, or a text is too long.")
        case asyncpg.InterfaceError() if isinstance(error, ValueError):
            return Unprocessable("A value cannot be stored: a number or a date is out of range.")
        case asyncpg.UniqueViolationError():
            return Conflict("Another one with the same identity exists already.", constraint=error.constraint_name)
        case asyncpg.PostgresError(sqlstate=str(state)) if passes(error) and state.startswith(("40", "55")):
            return Unavailable("Busy with a conflicting change; try again.")
        case _ if passes(error):
            return Unavailable("The database is out of reach, busy or changing over; try again.")
    return None


_LISTED = 100
"""So many errors of a request are listed; all are counted."""
_MOST_TEXT = 300


async def _problem(_: Request, error: Exception) -> JSONResponse:
    problem = as_problem(error)
    if problem is None:
        log.error("unforeseen error", exc_info=error)
        problem = Problem("Something went wrong here; the log has the details.")
    return answer(problem)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    errors = [
        {
            "pointer": ("/" + "/".join(str(p) for p in e["loc"][1:]))[:_MOST_TEXT],
            "in": str(e["loc"][0]),
            "detail": str(e["msg"])[:_MOST_TEXT],
        }
        for e in found[:_LISTED]
    ]
    kind = InvalidJson if any(e["type"] == "json_invalid" for e in found) else InvalidRequest
    return answer(kind("The request does not fit what this route takes.", errors=errors, errors_in_all=len(found)))


class InvalidJson(BadRequest):
    title = "Not JSON"


class InvalidRequest(Unprocessable):
    title = "Invalid request"


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = _allowed(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ", ".join(allowed)})
        return answer(MethodNotAllowed(allowed))
    if error.status_code == 404:
        return answer(Missing("There is no such path."))
    if error.status_code == 400:
        return answer(BadRequest(str(error.detail)))
    problem = Problem(str(error.detail))
    problem.status, problem.title = error.status_code, str(error.detail)
    problem.headers = dict(error.headers or {})
    return JSONResponse({**body_of(problem), "type": "about:blank"}, problem.status, problem.headers, MEDIA_TYPE)


def _allowed(request: Request) -> list[str]:
    """What all routes of this path take together."""
    routes = [each for each in iter_route_contexts(request.app.routes) if each.path_regex.match(request.url.path)]
    methods = {method for each in routes for method in each.methods or ()}
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))


def install(app: FastAPI) -> None:
    """Every error of this app leaves as a problem, also 404, 405, 422 and 500; never with a stack trace."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(ClientDisconnect, _problem)
    app.add_exception_handler(NotFound, _problem)
    app.add_exception_handler(StaleRevision, _problem)
    app.add_exception_handler(Exception, _problem)
