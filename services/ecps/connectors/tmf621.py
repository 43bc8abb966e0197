"""TMF621 v5, Trouble Ticket Management, as partners' systems speak it (TM Forum).

It has no idempotency, so who creates a ticket looks for it first. Nothing that a partner answers is believed to be about us until it
carries our reference: there are lists that ignore filters, and answers that leave fields out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from libs.bus.jobs import retry_after
from libs.kit.fields import cleaned
from libs.kit.outgoing import AddressRefused, send
from services.ecps.connectors.breaker import CircuitOpen, guarded
from services.ecps.connectors.oauth import bearer, forget_bearer
from services.ecps.connectors.outcomes import (
    CredentialsRefused,
    NotOurs,
    OutcomeUnknown,
    Refused,
    SearchUnusable,
    Unreachable,
)
from services.ecps.model.secrets import Credentials

PATH = "/tmf-api/troubleTicket/v5/troubleTicket"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
# How a system says that it does not know a filter, or JSON Patch.
_NOT_SPOKEN = (400, 405, 415, 501)
_ENDED = frozenset({"rejected", "cancelled", "closed"})
_NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Of a list that ignores what is asked for, the newest 1,000 tickets are read.
_PAGE, _PAGES = 50, 20
# So many listed tickets that do not say whose they are get looked into.
_LOOKED_INTO = 20


class ExternalIdentifier(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str | None = None


class Ticket(BaseModel):
    """What we read of a ticket of theirs. `externalIdentifier` None: it does not say."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=200)
    status: str | None = None
    creationDate: str | None = None  # noqa: N815 - their names
    externalIdentifier: list[ExternalIdentifier] | None = None  # noqa: N815
    note: list[dict[str, Any]] | None = None

    def carries(self, reference: str) -> bool:
        """Whether it says that it is the ticket of this reference of ours."""
        return any(each.id == reference for each in self.externalIdentifier or ())

    def has_note(self, marker: str) -> bool:
        """Whether one of its notes holds this marker."""
        return any(marker in str(each.get("text")) for each in self.note or ())


_TICKETS = TypeAdapter(list[Ticket])


@dataclass(frozen=True)
class Tmf621:
    """One partner's ticket system, and the reference under which it knows a ticket of ours. `search_by`: the parameter that their
    search knows our reference by; None: TMF630's filter. Every call may raise CredentialsRefused."""

    http: httpx.AsyncClient
    base_url: str
    credentials: Credentials
    reference: str
    search_by: str | None = None

    async def find(self) -> Ticket | None:
        """The oldest ticket that carries our reference. A list that ignores the filter is read to its end.

        Raises SearchUnusable where it has none within reach, Refused, Unreachable.
        """
        offset, seen, unsaid = 0, set[str](), list[str]()
        for _ in range(_PAGES):
            page = await self._page(offset)
            if ours := [ticket for ticket in page if ticket.carries(self.reference)]:
                return min(ours, key=lambda ticket: ticket.creationDate or "")
            if not page:
                return await self._look_into(unsaid)
            new = [ticket for ticket in page if ticket.id not in seen]
            if not new:
                raise SearchUnusable("its pages repeat themselves")
            seen |= {ticket.id for ticket in new}
            unsaid += [ticket.id for ticket in new if ticket.externalIdentifier is None]
            offset += len(page)
        raise SearchUnusable(f"it ignores what is asked for, and lists more than {offset} tickets")

    async def get(self, number: str) -> Ticket:
        """Raises NotOurs; Refused where there is none; Unreachable."""
        ticket = _read(await self._call("GET", f"/{quote(number, safe='')}"))
        if not ticket.carries(self.reference):
            raise NotOurs(f"{number} does not carry our reference {self.reference}")
        return ticket

    async def create(self, request: dict[str, Any]) -> Ticket:
        """The new ticket, when what they keep carries our reference. Raises OutcomeUnknown, Refused, Unreachable."""
        made = _read(await self._call("POST", "", request))
        if made.carries(self.reference):
            return made
        try:
            return await self.get(made.id)
        except (NotOurs, Refused, Unreachable, CredentialsRefused) as error:
            raise OutcomeUnknown(f"it answered with a ticket that is not known to be ours ({error})") from error

    async def add_note(self, number: str, text: str, marker: str, author: str) -> None:
        """Once: `marker` stands in the text and tells whether it is there. Added by JSON Patch, which leaves others' notes alone.

        Where they know merging only, which replaces the list, all that stands there is sent again with it.
        Raises NotOurs, OutcomeUnknown, Refused, Unreachable.
        """
        ticket = await self.get(number)
        if ticket.has_note(marker):
            return
        note = {"@type": "Note", "text": text, "author": author}
        path, notes = f"/{quote(number, safe='')}", ticket.note
        added = {"path": "/note", "value": [note]} if notes is None else {"path": "/note/-", "value": note}
        try:
            await self._call("PATCH", path, [{"op": "add", **added}], JSON_PATCH)
        except Refused as refusal:
            if refusal.status not in _NOT_SPOKEN:
                raise
            await self._merge(path, {"note": [*(notes or ()), note]})
            if not (await self.get(number)).has_note(marker):
                raise Unreachable("another note came between") from None

    async def become(self, number: str, status: str, reason: str) -> None:
        """Ends the ticket; one that has ended already stays as it is. Raises as add_note."""
        ticket = await self.get(number)
        if ticket.status not in _ENDED:
            await self._merge(f"/{quote(number, safe='')}", {"status": status, "statusChangeReason": reason})

    async def _merge(self, path: str, fields: dict[str, Any]) -> None:
        await self._call("PATCH", path, {"@type": "TroubleTicket", **fields}, MERGE)

    async def _page(self, offset: int) -> list[Ticket]:
        window = {"limit": _PAGE, "offset": offset}
        asked = {"filter": f"externalIdentifier[?(@.id=='{self.reference}')]", "sort": "-creationDate"}
        if self.search_by:
            asked = {self.search_by: self.reference}
        try:
            try:
                found = await self._call("GET", "", asked=asked | window)
            except Refused as refusal:
                if refusal.status not in _NOT_SPOKEN:
                    raise
                found = await self._call("GET", "", asked=window)
            return _TICKETS.validate_python(found)
        except ValidationError as error:
            raise SearchUnusable("it does not answer with a list of tickets") from error

    async def _look_into(self, numbers: list[str]) -> Ticket | None:
        if len(numbers) > _LOOKED_INTO:
            raise SearchUnusable(f"{len(numbers)} of its tickets do not say whose they are")
        for number in numbers:
            try:
                return await self.get(number)
            except (NotOurs, OutcomeUnknown):
                continue
        return None

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        media_type: str = "application/json",
        asked: Mapping[str, Any] | None = None,
    ) -> Any:
        address = httpx.URL(f"{self.base_url.rstrip('/')}{PATH}{path}").copy_merge_params(asked or {})
        try:
            answer = await self._let_in(method, str(address), body, media_type)
        except (CircuitOpen, AddressRefused, OSError) as error:
            raise Unreachable(str(error)) from error
        except OutcomeUnknown as error:
            # A GET changes nothing, whatever became of it.
            if method == "GET":
                raise Unreachable(str(error)) from error
            raise
        if answer.is_error:
            raise Refused(_said(answer), answer.status_code)
        try:
            return cleaned(answer.json())
        except (ValueError, RecursionError) as error:
            raise OutcomeUnknown(f"answered {answer.status_code} without JSON") from error

    async def _let_in(self, method: str, address: str, body: Any, media_type: str) -> httpx.Response:
        """A token that was given to us may have been taken back before its time: another one is asked for, once."""
        for _ in range(2):
            token = await bearer(self.http, self.credentials)
            async with guarded(self.base_url):
                answer = await self._ask(method, address, body, media_type, token)
            if answer.status_code != 401 or token is None:
                break
            forget_bearer(self.credentials)
        if answer.status_code in (401, 403):
            raise CredentialsRefused(f"answered {answer.status_code}")
        return answer

    async def _ask(self, method: str, address: str, body: Any, media_type: str, given: str | None) -> httpx.Response:
        headers = {"accept": "application/json"} | ({} if body is None else {"content-type": media_type})
        auth: tuple[str, str] | None = None
        if given:
            headers["authorization"] = f"Bearer {given}"
        elif self.credentials.token:
            headers["authorization"] = f"Bearer {self.credentials.token.get_secret_value()}"
        elif self.credentials.username and self.credentials.password:
            auth = (self.credentials.username, self.credentials.password.get_secret_value())
        try:
            answer = await send(self.http, method, address, headers=headers, query=True, json=body, auth=auth)
        except _NOTHING_WAS_SENT as error:
            raise Unreachable(repr(error)) from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(repr(error)) from error
        if answer.status_code in (408, 425, 429, 503):
            raise Unreachable(f"answered {answer.status_code}", retry_after(answer))
        if (answer.status_code >= 500 and answer.status_code != 501) or answer.is_redirect:
            raise OutcomeUnknown(f"answered {answer.status_code}")
        return answer


def _read(answer: Any) -> Ticket:
    try:
        return Ticket.model_validate(answer)
    except ValidationError as error:
        raise OutcomeUnknown("the answer is not a ticket") from error


def _said(answer: httpx.Response) -> str:
    """The reason in a TMF630 error, or what there is of the answer."""
    try:
        told = cleaned(answer.json())
        reason = told.get("message") or told.get("reason") if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        reason = None
    return str(reason or f"{answer.status_code} {answer.reason_phrase}")[:500]
