"""The one public door: who calls, how often, to which service; every refusal is a problem that says why."""

import structlog
from opentelemetry.trace import SpanKind, get_current_span

from libs.kit.problems import MethodNotAllowed, Problem, as_problem
from libs.kit.proxies import household
from libs.kit.telemetry import counter
from libs.store import tracing
from services.gateway import routes
from services.gateway.door import asgi
from services.gateway.door.answers import leaving
from services.gateway.door.erasing import Erasing
from services.gateway.door.headers import Headers, inward, value_of
from services.gateway.door.limits import Allowance, AtOnce, Buckets
from services.gateway.door.upstreams import Upstreams
from services.gateway.identity.access_tokens import AccessTokens
from services.gateway.identity.directory import Caller, Directory
from services.gateway.settings import DoorSettings
from services.gateway.stream.listening import Listening

log = structlog.get_logger()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_answers = counter("gateway_answers", "Answers given.", ["upstream", "status"])


class Door:
    """An ASGI app. `/v1` is its own; the rest is `front`'s. `clients` is the gateway's API, which stands behind the door as any service."""

    def __init__(
        self,
        settings: DoorSettings,
        tokens: AccessTokens,
        directory: Directory,
        upstreams: Upstreams,
        listening: Listening,
        front: asgi.App,
        clients: asgi.App,
    ) -> None:
        self._settings, self._tokens, self._directory = settings, tokens, directory
        self._upstreams, self._listening, self._front, self._clients = upstreams, listening, front, clients
        self._erasing = Erasing(upstreams, settings.key)
        self._buckets = Buckets()
        self._in_flight = AtOnce(settings.requests_in_flight, "requests")

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await self._front(scope, receive, send)
            return
        send = leaving(scope, send)
        if not scope["path"].startswith("/v1/"):
            await self._enter_front(scope, receive, send)
            return
        came = value_of(scope["headers"], b"traceparent")
        seen = {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"]}
        with tracing.span(scope["method"], SpanKind.SERVER, seen, below=came), tracing.continued(came):
            try:
                await self._enter(scope, receive, send)
            except asgi.CallerLeft:
                return
            except Exception as error:
                problem = as_problem(error)
                if problem is None:
                    log.error("unforeseen error", path=scope["path"], exc_info=error)
                    problem = Problem("Something went wrong here; the log has the details.")
                _count("refused", problem.status)
                await asgi.refuse(scope, receive, send, problem)

    async def _enter_front(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        try:
            allowance = self._allowance_of(_address(scope))
        except Problem as problem:
            _count("refused", problem.status)
            await asgi.refuse(scope, receive, send, problem)
            return
        await self._front(scope, receive, asgi.with_headers(send, _added(allowance)))

    async def _enter(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        service = routes.owner(scope["path"])
        get_current_span().update_name(f"{scope['method']} /v1/{routes.resource(scope['path'])}")
        if scope["method"] not in _METHODS:
            raise MethodNotAllowed(sorted(_METHODS))
        if routes.resource(scope["path"]) in routes.PUBLIC:
            address = _address(scope)
            allowance = self._allowance_of(address)
            headers = _inward(scope, None)
            with self._in_flight.one(address, "address_requests"):
                await self._forward(service, scope, receive, send, headers, allowance)
            return
        access = self._tokens.verify(value_of(scope["headers"], b"authorization"))
        caller = await self._directory.caller(access)
        scope["state"]["principal"] = caller.principal
        if caller_known := scope["state"].get("caller_known"):
            caller_known(access.client_id)
        allowance = self._allowance(caller)
        headers = _inward(scope, f"Bearer {caller.internal_token(self._settings.key)}")
        if service == routes.STREAM:
            await self._listening.serve(scope, receive, send, access, caller, _added(allowance))
            return
        with self._in_flight.one(access.client_id, "client_requests"):
            await self._erasing.check(scope["method"], scope["path"], caller.principal)
            if service == routes.GATEWAY:
                sending = asgi.with_headers(send, _added(allowance))
                await self._clients({**scope, "headers": headers}, receive, sending)
            else:
                await self._forward(service, scope, receive, send, headers, allowance)

    def _allowance_of(self, address: str) -> Allowance:
        rate = self._settings.requests_per_second
        return self._buckets.take(address, rate=rate, burst=2 * rate)

    def _allowance(self, caller: Caller) -> Allowance:
        rate = caller.requests_per_second or self._settings.requests_per_second
        return self._buckets.take(caller.principal.id, rate=rate, burst=2 * rate)

    async def _forward(
        self,
        service: str,
        scope: asgi.Scope,
        receive: asgi.Receive,
        send: asgi.Send,
        headers: Headers,
        allowance: Allowance,
    ) -> None:
        status = await self._upstreams.forward(service, scope, receive, send, headers, _added(allowance))
        _count(service, status)


def _address(scope: asgi.Scope) -> str:
    return household(scope["client"][0]) if scope.get("client") else ""


def _inward(scope: asgi.Scope, authorization: str | None) -> Headers:
    state = scope["state"]
    state["traceparent"] = place = tracing.traceparent()
    return inward(scope["headers"], request_id=state["request_id"], traceparent=place, authorization=authorization)


def _count(service: str, status: int) -> None:
    _answers.labels(service, status).inc()
    get_current_span().set_attribute("http.response.status_code", status)


def _added(allowance: Allowance) -> Headers:
    return [(name.encode(), value.encode()) for name, value in allowance.headers().items()]
