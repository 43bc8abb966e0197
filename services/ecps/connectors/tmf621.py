"""TMF621 v5, Trouble Ticket Management, as partners' systems speak it (TM Forum). It has no idempotency: who creates looks first."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.bus.jobs import TryLater, retry_after
from services.ecps.connectors.address import pinned
from services.ecps.connectors.breaker import guarded
from services.ecps.model.secrets import Credentials

PATH = "/tmf-api/troubleTicket/v5/troubleTicket"
_ENDED = frozenset({"rejected", "cancelled", "closed"})
_NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class OutcomeUnknown(Exception):
    """The answer was lost: whether it took effect has to be looked up."""


class Refused(Exception):
    """The partner's system understood, and refused for good."""


class Unreachable(TryLater):
    """It took no effect; another time it may."""


class Remark(BaseModel):
    model_config = ConfigDict(extra="ignore")

    text: str = ""


class Ticket(BaseModel):
    """What we read of a ticket of theirs."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1, max_length=200)
    href: str | None = None
    status: str | None = None
    note: list[Remark] = []


@dataclass(frozen=True)
class Tmf621:
    """One partner's ticket system."""

    http: httpx.AsyncClient
    base_url: str
    credentials: Credentials

    async def find(self, reference: str) -> Ticket | None:
        """The oldest ticket under our reference."""
        found = await self._call("GET", f"?externalIdentifier={quote(reference, safe='')}")
        tickets = [Ticket.model_validate(each) for each in found]
        return tickets[0] if tickets else None

    async def get(self, number: str) -> Ticket:
        """Raises Refused where there is none."""
        return Ticket.model_validate(await self._call("GET", f"/{quote(number, safe='')}"))

    async def create(self, request: dict[str, Any]) -> Ticket:
        """Raises OutcomeUnknown, Refused, Unreachable."""
        made = await self._call("POST", "", request)
        try:
            return Ticket.model_validate(made)
        except ValidationError as error:
            raise OutcomeUnknown("the answer is not a ticket") from error

    async def add_note(self, number: str, text: str, author: str) -> None:
        body = {"text": text, "author": author, "@type": "Note"}
        await self._call("POST", f"/{quote(number, safe='')}/note", body)

    async def become(self, number: str, status: str, reason: str) -> None:
        """Ends the ticket; one that has ended already stays as it is."""
        ticket = await self.get(number)
        if ticket.status not in _ENDED:
            body = {"status": status, "statusChangeReason": reason}
            await self._call("PATCH", f"/{quote(number, safe='')}", body)

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"accept": "application/json"}
        auth: tuple[str, str] | None = None
        if self.credentials.token:
            headers["authorization"] = f"Bearer {self.credentials.token.get_secret_value()}"
        elif self.credentials.username and self.credentials.password:
            auth = (self.credentials.username, self.credentials.password.get_secret_value())
        async with guarded(self.base_url):
            url, headers, extensions = await pinned(f"{self.base_url.rstrip('/')}{PATH}{path}", headers)
            try:
                answer = await self.http.request(
                    method, url, json=body, headers=headers, auth=auth, extensions=extensions
                )
            except _NOTHING_WAS_SENT as error:
                raise Unreachable(repr(error)) from error
            except httpx.HTTPError as error:
                raise OutcomeUnknown(repr(error)) from error
            if answer.status_code in (408, 425, 429, 503):
                raise Unreachable(f"answered {answer.status_code}", retry_after(answer))
            if answer.status_code >= 500 or answer.is_redirect:
                raise OutcomeUnknown(f"answered {answer.status_code}")
        if answer.is_error:
            raise Refused(_said(answer))
        try:
            return answer.json()
        except ValueError as error:
            raise OutcomeUnknown(f"answered {answer.status_code} without JSON") from error


def _said(answer: httpx.Response) -> str:
    """The reason in a TMF630 error, or what there is of the answer."""
    try:
        told = answer.json()
        reason = told.get("message") or told.get("reason") if isinstance(told, dict) else None
    except ValueError:
        reason = None
    return str(reason or f"{answer.status_code} {answer.reason_phrase}")[:500].replace("\0", "")
