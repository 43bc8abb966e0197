"""How a route runs: caller, roles, one transaction, Idempotency-Key, ETag; errors leave as problems.

`router = Router(tags=["rmas"])`, `@router.post("/v1/rmas/{rma_id}/ship", dependencies=[allow("depot")])`,
`async def ship_part_route(rma_id: UUID, cmd: ShipPart, tx: Tx) -> RmaOut`. The transaction commits after the response was
built and before it is sent, so a failing commit is never answered with a 2xx.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import wraps
from typing import Annotated, Any, Self
from uuid import UUID

import pydantic_core
import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from starlette.routing import BaseRoute

from libs.kit import problems
from libs.kit.auth import Allowed, Principal, Public, Verifier
from libs.kit.idempotency import Attempt
from libs.kit.people import NotHereYet
from libs.store import Database, Scope, Transaction
from libs.store.tracing import continued, traceparent

log = structlog.get_logger()
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_OUTSIDER = Scope("worker", actor="outside")
MAX_BODY_BYTES = 1024 * 1024
MAX_BODY_VALUES = 20_000
"""So many commas and opening brackets a JSON body may have: what is parsed costs by their number, not by its bytes."""
_MADE = re.compile(rb'\{"id":"([0-9a-f-]{36})"')
"""How the answer of a route begins that made something."""
_MOST_ERRORS = 1_000  # more are counted and not listed: to list 85,000 takes more than a second


class Command(BaseModel):
    """A request body. Unknown properties are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="wrap")
    @classmethod
    def _is_not_all_errors(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return validate(value)
        except ValidationError as error:
            if error.error_count() > _MOST_ERRORS:
                raise problems.InvalidRequest(
                    "The request does not fit what this route takes.", errors=[], errors_in_all=error.error_count()
                ) from None
            raise


class BodyTooLarge(problems.Problem):
    status, title = 413, "Too large"


class BodyLimit:
    """`dependencies=[..., body_limit(25 * 2**20)]` lets one route take more than 1 MiB."""

    def __init__(self, limit: int, values: int) -> None:
        self.limit, self.values = limit, values

    async def __call__(self) -> None:
        return None


def allow(*roles: str) -> Any:
    """The roles that may call a route."""
    return Depends(Allowed(frozenset(roles)))


def public() -> Any:
    """For a route that callers without our tokens use, such as a signed webhook."""
    return Depends(Public())


def body_limit(size: int, values: int = MAX_BODY_VALUES) -> Any:
    """The largest body this route takes, in bytes, and how many values (commas and opening brackets) when it is JSON."""
    return Depends(BodyLimit(size, values))


_USUAL = BodyLimit(MAX_BODY_BYTES, MAX_BODY_VALUES)


# Coroutines, though nothing is awaited: FastAPI runs plain functions in threads, which cost more than all the rest of a request.
async def _tx(request: Request) -> Transaction:
    tx: Transaction = request.state.tx
    return tx


async def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Tx = Annotated[Transaction, Depends(_tx)]
"""The request's transaction; committed by the route class."""

Caller = Annotated[Principal, Depends(_caller)]
"""Who is calling."""


def operation_id(route: APIRoute) -> str:
    """What the document calls an operation, and a generated client its method: as the function, without `_route`."""
    return route.name.removesuffix("_route")


class UnknownParameter(problems.BadRequest):
    title = "Unknown parameter"


class RouteForNobody(TypeError):
    """A route must say who may call it, or its service does not start."""


class ServiceRoute(APIRoute):
    """See the module's docstring."""

    is_read_below = False

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self.summary = self.summary or operation_id(self).replace("_", " ").capitalize()
        # A route of `public()` says instead what it asks of its callers: a signature.
        roles = {} if isinstance(self.allowed, Public) else {"x-roles": sorted(self.allowed.roles)}
        self.openapi_extra = {**(self.openapi_extra or {}), **roles}

    def marker(self, kind: type[Any]) -> Any:
        """The dependency of this kind that the route carries, or None."""
        found = [d.dependency for d in self.dependencies if isinstance(d.dependency, kind)]
        return found[0] if found else None

    @property
    def allowed(self) -> Allowed:
        """Raises RouteForNobody."""
        allowed = self.marker(Allowed)
        if allowed is None:
            raise RouteForNobody(f"{self.methods} {self.path} names no roles: dependencies=[allow(…)]")
        return allowed  # type: ignore[no-any-return]

    def get_route_handler(self) -> Handler:
        endpoint = super().get_route_handler()
        allowed, limit, takes_json = self.allowed, self.marker(BodyLimit) or _USUAL, self.body_field is not None
        known = sorted({field.alias for field in get_flat_params(self.dependant)} - self.param_convertors.keys())

        async def handle(request: Request) -> Response:
            with continued(request.headers.get("traceparent")):
                try:
                    body = await _read_body(request, limit.limit)
                    scope = _authenticate(request, allowed)
                    _know_parameters(request, known)
                    _parse(request, body, limit.values, takes_json)
                    return await self._transact_once_there(request, scope, endpoint)
                except Exception as error:
                    problem = problems.as_problem(error)
                    if problem is None:
                        if isinstance(error, problems.HANDLED_BY_FASTAPI):
                            raise
                        log.error("unforeseen error", path=request.url.path, exc_info=error)
                        problem = problems.Problem("Something went wrong here; the log has the details.")
                    return problems.answer(problem)

        return handle

    async def _transact_once_there(self, request: Request, scope: Scope, endpoint: Handler) -> Response:
        """What the command names and is not here yet is waited for between two transactions."""
        try:
            return await self._transact(request, scope, endpoint)
        except NotHereYet as missing:
            await missing.wait(request.app.state.database)
        try:
            return await self._transact(request, scope, endpoint)
        except NotHereYet as missing:
            raise missing.problem from None

    async def attempt(self, request: Request) -> Attempt | None:
        """What is kept of this request under its Idempotency-Key; None where it takes none."""
        if request.method != "POST" or request.state.principal is None:
            return None
        return Attempt.of(request, request.state.principal, self.path, await request.body())

    def _made(self, id: UUID, named: UUID | None, path: str, response: Response) -> UUID:
        """Says where what was made can be read; its id, whose ETag is told."""
        if id == named:  # something was added to it
            own = self.path.count("/", 0, self.path.rindex("{"))
            response.headers.setdefault("location", "/".join([*path.split("/")[:own], str(id)]))
        elif self.is_read_below:
            response.headers.setdefault("location", f"{path}/{id}")
        return id

    async def _transact(self, request: Request, scope: Scope, endpoint: Handler) -> Response:
        database: Database = request.app.state.database
        attempt = await self.attempt(request)
        once = attempt.once if attempt else None
        request.state.traceparent = place = traceparent()
        async with database.transaction(scope, traceparent=place, once=once) as tx:
            request.state.tx = tx
            if attempt and (earlier := attempt.earlier_answer(tx)):
                return earlier
            named = _named_id(request)
            if match := _if_match(request, named):
                tx.expect(*match)
            response = await endpoint(request)
            if response.status_code == 201 and (made := _MADE.match(response.body)):
                named = self._made(UUID(made[1].decode()), named, request.scope["path"], response)
            if named and (revision := tx.revision_of(named)) is not None:
                response.headers["etag"] = f'"{revision}"'
            if attempt and response.status_code < 300:
                attempt.keep(tx, response)
        return response


async def _read_body(request: Request, limit: int) -> bytes:
    """Raises BodyTooLarge as soon as more than `limit` bytes have come, whatever Content-Length says."""
    if int(request.headers.get("content-length") or 0) > limit:
        raise BodyTooLarge(f"At most {limit} bytes.", limit=limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"At most {limit} bytes.", limit=limit)
        chunks.append(chunk)
    request._body = b"".join(chunks)  # where Request.body() keeps it
    return request._body


def _parse(request: Request, body: bytes, most: int, takes_json: bool) -> None:
    """Parses a body of JSON before anything else does. Raises BodyTooLarge, InvalidJson; UnsupportedMediaType for anything
    else where the route takes JSON.

    The standard library's parser follows brackets to its own end, and takes NaN and numbers of any length.
    """
    if not body:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        if takes_json:
            raise problems.UnsupportedMediaType("Send the body as JSON.", "application/json")
        return
    if sum(map(body.count, (b",", b"[", b"{"))) > most:
        raise BodyTooLarge(f"At most {most} values.", limit=most)
    try:
        request._json = pydantic_core.from_json(body, allow_inf_nan=False)  # where Request.json() keeps it
    except ValueError as error:
        said = {"pointer": "/", "in": "body", "detail": str(error)}
        raise problems.InvalidJson("The body is not JSON.", errors=[said]) from None


def _authenticate(request: Request, allowed: Allowed) -> Scope:
    if isinstance(allowed, Public):
        request.state.principal = None
        return _OUTSIDER
    verifier: Verifier = request.app.state.verifier
    principal = verifier.principal(request.headers.get("authorization"))
    request.state.principal = principal
    allowed.check(principal)
    structlog.contextvars.bind_contextvars(actor=principal.scope.actor)
    return principal.scope


def _know_parameters(request: Request, known: Sequence[str]) -> None:
    """Raises UnknownParameter, which says what there is."""
    if unknown := [name[:100] for name in request.query_params if name not in known]:
        raise UnknownParameter(f"There is no parameter {unknown[0]!r} here.", unknown=unknown[:20], known=known)


def _named_id(request: Request) -> UUID | None:
    """The id of the resource that the path names: its last UUID."""
    for value in reversed(list(request.path_params.values())):
        try:
            return UUID(str(value))
        except ValueError:
            continue
    return None


def _if_match(request: Request, named: UUID | None) -> tuple[UUID, int] | None:
    tag = request.headers.get("if-match")
    if tag is None:
        if request.method in ("PUT", "PATCH"):
            raise problems.PreconditionRequired(
                "Send If-Match with the ETag you read, so that nobody's change is lost."
            )
        return None
    try:
        revision = int(tag.removeprefix("W/").strip('"'))
    except ValueError:
        raise problems.PreconditionFailed("If-Match is not an ETag of ours.") from None
    return (named, revision) if named else None


_OF_THE_FLUSH = {"revision", "updated_at"}


def _as_flushed(endpoint: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The route, whose answer to a command says what the flush makes of the row, though it is built before."""

    @wraps(endpoint)
    async def told(**values: Any) -> Any:
        answer, tx = await endpoint(**values), values.get("tx")
        if isinstance(answer, BaseModel) and tx and (shown := _OF_THE_FLUSH & type(answer).model_fields.keys()):
            for name, value in tx.as_flushed(answer.id).items():  # type: ignore[attr-defined]
                if name in shown:
                    setattr(answer, name, value)
        return answer

    return told


def locate(routes: Iterable[BaseRoute]) -> None:
    """Tells the routes that create something whether it can be read below them: then their answers say where."""
    found = [route for route in routes if isinstance(route, ServiceRoute)]
    read = {
        route.path.rpartition("/{")[0] for route in found if "GET" in (route.methods or ()) and route.path[-1] == "}"
    }
    for route in found:
        route.is_read_below = route.path in read


class Router(APIRouter):
    """An APIRouter whose routes run as this module says."""

    def __init__(self, *, tags: list[str]) -> None:
        super().__init__(route_class=ServiceRoute, tags=list(tags), generate_unique_id_function=operation_id)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **how: Any) -> None:
        super().add_api_route(path, _as_flushed(endpoint), **how)
