"""The ticket system of a simulated cloud partner, a company of its own: `python -m deploy.simulators.partner`.

TMF621 v5 without idempotency, on purpose: a second POST makes a second ticket, so that whoever calls has to look up its own
reference before it creates again. It tells ecps by signed webhook what its engineers do; `/simulate` plays the engineers.
"""

import json
import re
from base64 import b64decode
from datetime import timedelta
from secrets import token_urlsafe
from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import uuid4

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from deploy.simulators.process import Company, Place, run
from deploy.simulators.tickets import (
    HAPPENINGS,
    PATH,
    Happening,
    Kind,
    Note,
    Ticket,
    TicketEnded,
    TicketPatch,
    TicketRequest,
)
from deploy.simulators.tmf621 import CREATED, CREATED_NEEDS, JSON_PATCH, MERGE, PATCHED, PATCHED_NEEDS, misfit, refusal
from libs.kit import telemetry

_NO_PART_OF_IT = ("/simulate", "/oauth", "/healthz", "/readyz")
_SPARSE = ("@type", "id", "href", "status")
ENGINEER = "partner engineer"


class Said(BaseModel):
    """What the partner's engineer writes."""

    text: str | None = Field(None, max_length=20_000)


class NewStatus(Said):
    status: str = Field(min_length=1, max_length=100)


class Partner(Company):
    """The partner's support floor: every change of a ticket is kept together with the notice of it. `tokens`: what it gave to clients."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens: set[str] = set()

    def open(self, request: TicketRequest) -> Ticket:
        ticket = Ticket.open(request, self.place.url, self.clock.now())
        if self.faults.now.anonymous:
            ticket.external_identifier = []
        if not self.faults.strikes(self.faults.now.forget_rate):
            self._keep(ticket)
        return ticket

    def find(self, number: str) -> Ticket:
        body = self.memory.thing(number)
        if body is None:
            raise HTTPException(404, f"no ticket {number}")
        return Ticket.model_validate_json(body)

    def search(self, reference: str | None, limit: int, offset: int) -> list[Ticket]:
        if reference is None or self.faults.now.deaf:
            found = self.memory.newest(limit, offset)
        else:
            found = self.memory.with_reference(reference)[offset : offset + limit]
        tickets = [Ticket.model_validate_json(body) for body in found]
        indexed = self.clock.now() - timedelta(seconds=self.faults.now.search_lag_seconds)
        return [ticket for ticket in tickets if ticket.created_at <= indexed]

    def shown(self, ticket: Ticket) -> dict[str, Any]:
        """In a list or as the answer to a new one."""
        full = ticket.to_tmf()
        return {name: full[name] for name in _SPARSE} if self.faults.now.sparse else full

    def change(self, number: str, patch: TicketPatch) -> Ticket:
        """The customer's own change; it is told back only when that fault is on."""
        ticket, told = self.find(number), []
        if patch.status and patch.status != ticket.status:
            ticket.become(patch.status, patch.reason, self.clock.now())
            told.append((Kind.STATUS, patch.reason))
        if patch.note is not None:
            standing, ticket.note = {note.id: note for note in ticket.note}, []
            for note in patch.note:
                if note.id in standing:
                    ticket.note.append(note)
                else:
                    ticket.add_note(note, self.clock.now())
                    told.append((Kind.NOTE, note.text))
        self._keep(ticket, *(told if self.faults.now.echo else ()))
        return ticket

    def do(self, number: str, status: str | None, kind: Kind, text: str | None, *, again: bool = False) -> Ticket:
        """The engineer's change, which the customer is told; `again` opens what had ended."""
        ticket, now = self.find(number), self.clock.now()
        if status:
            ticket.become(status, text, now, again=again)
        if text:
            ticket.add_note(Note(text=text, author=ENGINEER), now)
        self._keep(ticket, (kind, text))
        return ticket

    def _keep(self, ticket: Ticket, *told: tuple[Kind, str | None]) -> None:
        notices = []
        for kind, text in told:
            ticket.told += 1
            body: dict[str, Any] = {
                "event_id": str(uuid4()),
                "partner_reference": ticket.id,
                "our_reference": ticket.our_reference,
                "kind": kind,
                "status": ticket.status,
                "text": text,
                "occurred_at": ticket.updated_at.isoformat(),
                "sequence": ticket.told,
            }
            if self.faults.now.uncounted:
                del body["sequence"]
            notices += self.notifier.notices(ticket.id, ticket.told, body)
            if self.faults.strikes(self.faults.now.repeat_rate):
                notices += self.notifier.notices(ticket.id, ticket.told, body | {"event_id": str(uuid4())})
        self.memory.keep(ticket.id, ticket.our_reference or "", ticket.model_dump_json(by_alias=True), None, notices)
        self.notifier.wake()


def partner_app(partner: Partner) -> FastAPI:
    """The partner's API and its controls."""
    app = partner.app("Simulated cloud partner")

    @app.post(PATH, status_code=201)
    async def open_ticket(sent: Request, response: Response) -> dict[str, Any]:
        """Always a new ticket."""
        told = json.loads(await sent.body())
        _fits(told, CREATED, CREATED_NEEDS)
        request = TicketRequest.model_validate(told)
        if partner.faults.now.reject:
            raise HTTPException(422, "tickets of this customer are not accepted")
        ticket = partner.open(request)
        response.headers["location"] = ticket.href
        return partner.shown(ticket)

    @app.get(PATH)
    async def search_tickets(
        request: Request,
        response: Response,
        filter: str | None = None,
        sort: str = "-creationDate",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> list[dict[str, Any]]:
        """Tickets under a reference that the customer gave, oldest first; or the newest."""
        if name := partner.faults.now.search_by:
            filter = (
                f"externalIdentifier[?(@.id=='{request.query_params[name]}')]" if name in request.query_params else None
            )
        wanted = re.fullmatch(r"externalIdentifier\[\?\(@\.id=='([^']*)'\)\]", filter) if filter else None
        if (filter and not wanted) or sort != "-creationDate":
            raise HTTPException(501, "this filter or order is not known here")
        found = partner.search(wanted and wanted[1], limit, offset)
        response.headers["x-result-count"] = str(len(found))
        return [partner.shown(ticket) for ticket in found]

    @app.get(PATH + "/{number}")
    async def show_ticket(number: str) -> dict[str, Any]:
        return partner.find(number).to_tmf()

    @app.patch(PATH + "/{number}")
    async def change_ticket(number: str, request: Request) -> dict[str, Any]:
        """By merging, or by JSON Patch (RFC 6902) that adds notes."""
        told = json.loads(await request.body())
        if _media_type(request) in MERGE:
            _fits(told, PATCHED, PATCHED_NEEDS)
            return partner.change(number, TicketPatch.model_validate(told)).to_tmf()
        if partner.faults.now.merge_only or _media_type(request) != JSON_PATCH:
            raise HTTPException(501, "only merging is known here")
        notes = [note.model_dump(by_alias=True) for note in partner.find(number).note]
        for operation in told:
            match operation:
                case {"op": "add", "path": "/note/-", "value": dict(note)}:
                    notes.append(note)
                case {"op": "add", "path": "/note", "value": list(replacing)}:
                    notes = replacing
                case _:
                    raise HTTPException(501, "only notes are added here")
        _fits({"note": notes}, PATCHED, frozenset())
        return partner.change(number, TicketPatch.model_validate({"note": notes})).to_tmf()

    _controls(app, partner)
    _tokens(app, partner)
    _errors(app, partner)
    return app


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _fits(body: Any, may: frozenset[str], needs: frozenset[str]) -> None:
    if wrong := misfit(body, may=may, needs=needs):
        raise HTTPException(400, wrong)


def _controls(app: FastAPI, partner: Partner) -> None:
    @app.post("/simulate/tickets/{number}/vanish", tags=["simulate"])
    async def lose_ticket(number: str) -> dict[str, Any]:
        """It is not there any more, and nobody is told; as it was."""
        ticket = partner.find(number)
        partner.memory.forget(number)
        return ticket.to_tmf()

    @app.post("/simulate/tickets/{number}/status", tags=["simulate"])
    async def set_status(number: str, new: NewStatus) -> dict[str, Any]:
        """Any status, also one that no contract knows."""
        return partner.do(number, new.status, Kind.STATUS, new.text).to_tmf()

    @app.post("/simulate/tickets/{number}/{happening}", tags=["simulate"])
    async def act_on_ticket(number: str, happening: Happening, said: Said | None = None) -> dict[str, Any]:
        status, kind = HAPPENINGS[happening]
        text = said.text if said else None
        if not text and kind in (Kind.NOTE, Kind.INFORMATION_REQUIRED):
            raise HTTPException(400, f"{happening} needs a text")
        return partner.do(number, status, kind, text, again=happening == "reopen").to_tmf()


def _tokens(app: FastAPI, partner: Partner) -> None:
    @app.post("/oauth/token")
    async def give_token(sent: Request) -> Response:
        """OAuth 2.0 client credentials: any client that has an id and a secret gets a token."""
        form = parse_qs((await sent.body()).decode())
        scheme, _, pair = sent.headers.get("authorization", "").partition(" ")
        id, _, secret = b64decode(pair).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if form.get("grant_type") != ["client_credentials"] or not (id and secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = token_urlsafe()
        partner.tokens.add(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    @app.delete("/simulate/tokens", tags=["simulate"], status_code=204)
    async def take_tokens_back() -> None:
        """Those that it gave are not taken any more, whatever it had said."""
        partner.tokens.clear()

    @app.middleware("http")
    async def by_token(request: Request, go_on: Any) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        open_to_all = request.url.path.startswith(_NO_PART_OF_IT)
        if partner.faults.now.tokens_only and not open_to_all and given not in partner.tokens:
            return JSONResponse({"reason": "this token is not known"}, 401)
        return await go_on(request)  # type: ignore[no-any-return]


def _errors(app: FastAPI, partner: Partner) -> None:
    """Errors as TMF630 shows them."""

    @app.middleware("http")
    async def by_the_standard(request: Request, go_on: Any) -> Response:
        """What TMF621 does not define is not there; `/simulate`, tokens and health are no part of it."""
        if request.url.path.startswith(_NO_PART_OF_IT):
            return await go_on(request)  # type: ignore[no-any-return]
        query = frozenset(request.query_params) - {partner.faults.now.search_by or ""}
        if wrong := refusal(request.method, request.url.path, query, _media_type(request)):
            return error(*wrong)
        return await go_on(request)  # type: ignore[no-any-return]

    def error(status: int, reason: str) -> JSONResponse:
        return JSONResponse({"@type": "Error", "code": str(status), "reason": reason, "status": str(status)}, status)

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, why: StarletteHTTPException) -> JSONResponse:
        return error(why.status_code, why.detail)

    @app.exception_handler(ValueError)
    async def unreadable(_: Request, why: ValueError) -> JSONResponse:
        """Not JSON, or values that do not fit (pydantic's errors are ValueErrors)."""
        return error(400, str(why))

    @app.exception_handler(TicketEnded)
    async def ended(_: Request, refusal: TicketEnded) -> JSONResponse:
        return error(409, str(refusal))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, refusal: RequestValidationError) -> JSONResponse:
        told = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in refusal.errors())
        return error(400, told)


if __name__ == "__main__":
    telemetry.configure("partner")
    place = Place.from_environment("partner", receiver="ecps", path="/v1/partner-events")
    run(partner_app(Partner(place)), place.url)
