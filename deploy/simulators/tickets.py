"""A trouble ticket in the partner's system, in the words of TMF621 v5 (TM Forum Trouble Ticket Management)."""

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

PATH = "/tmf-api/troubleTicket/v5/troubleTicket"
ENDS = frozenset({"rejected", "cancelled", "closed"})


class _Tmf(BaseModel):
    """TMF data has more fields than this system knows; they are kept as they came."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class ExternalIdentifier(_Tmf):
    id: str = Field(min_length=1, max_length=200)
    owner: str | None = None
    external_identifier_type: str | None = Field(None, alias="externalIdentifierType")
    type: str = Field("ExternalIdentifier", alias="@type")


class Note(_Tmf):
    text: str = Field(min_length=1, max_length=20_000)
    id: str | None = None
    author: str | None = None
    date: AwareDatetime | None = None
    type: str = Field("Note", alias="@type")


class StatusChange(_Tmf):
    status: str
    changed_at: AwareDatetime = Field(alias="statusChangeDate")
    reason: str | None = Field(None, alias="statusChangeReason")
    type: str = Field("StatusChange", alias="@type")


class TicketRequest(_Tmf):
    """What opens a ticket (`TroubleTicket_FVO`)."""

    description: str = Field(min_length=1)
    severity: str = Field(min_length=1)
    ticket_type: str = Field(alias="ticketType", min_length=1)
    external_identifier: list[ExternalIdentifier] = Field([], alias="externalIdentifier")
    note: list[Note] = []
    type: str = Field("TroubleTicket", alias="@type")


class TicketPatch(_Tmf):
    """What we may change (`TroubleTicket_MVO`) by merging (RFC 7396): a status with its reason; `note` replaces all notes."""

    status: str | None = None
    reason: str | None = Field(None, alias="statusChangeReason")
    note: list[Note] | None = None


class Kind(StrEnum):
    """What a notice tells."""

    STATUS = "status"
    NOTE = "note"
    INFORMATION_REQUIRED = "information_required"
    RESOLVED = "resolved"
    CLOSED = "closed"


class TicketEnded(Exception):
    """A ticket that was rejected, cancelled or closed changes no more."""


class Ticket(TicketRequest):
    """A ticket; instants are sandbox time. `told` counts the notices about it."""

    id: str
    href: str
    status: str
    created_at: AwareDatetime = Field(alias="creationDate")
    updated_at: AwareDatetime = Field(alias="lastUpdate")
    resolved_at: AwareDatetime | None = Field(None, alias="resolutionDate")
    history: list[StatusChange] = Field([], alias="statusChangeHistory")
    told: int = 0

    @classmethod
    def open(cls, request: TicketRequest, url: str, now: datetime) -> Self:
        """A new ticket for every request: this system does not know a repeated one."""
        number = f"TT-{now.year}-{secrets.randbelow(10**8):08}"
        given = request.model_dump(by_alias=True, exclude={"note"})
        for ours in (
            "id",
            "href",
            "status",
            "creationDate",
            "lastUpdate",
            "resolutionDate",
            "statusChangeHistory",
            "told",
        ):
            given.pop(ours, None)
        ticket = cls(
            **given,
            id=number,
            href=f"{url}{PATH}/{number}",
            status="acknowledged",
            created_at=now,
            updated_at=now,
            history=[StatusChange(status="acknowledged", changed_at=now)],
        )
        for note in request.note:
            ticket.add_note(note, now)
        return ticket

    @property
    def our_reference(self) -> str | None:
        """The first identifier that the other side gave."""
        return self.external_identifier[0].id if self.external_identifier else None

    def add_note(self, note: Note, now: datetime) -> Note:
        """Notes are taken in any state."""
        kept = note.model_copy(
            update={"id": str(uuid4()), "date": note.date or now, "author": note.author or "customer"}
        )
        self.note, self.updated_at = [*self.note, kept], now
        return kept

    def become(self, status: str, reason: str | None, now: datetime, *, again: bool = False) -> None:
        """Any word will do for a status, as it does in the systems of partners. Raises TicketEnded after an end, unless `again`."""
        if self.status in ENDS and not again:
            raise TicketEnded(f"{self.id} is {self.status}")
        change = StatusChange(status=status, changed_at=now, reason=reason)
        self.status, self.updated_at, self.history = status, now, [*self.history, change]
        if status == "resolved":
            self.resolved_at = now

    def to_tmf(self) -> dict[str, Any]:
        """The ticket as the API shows it."""
        shown = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"told"})
        last = self.history[-1]
        shown["statusChangeDate"] = last.changed_at.isoformat()
        return shown | ({"statusChangeReason": last.reason} if last.reason else {})


Happening = Literal["acknowledge", "progress", "require-information", "note", "resolve", "close", "reject", "reopen"]
# What an engineer of the partner does → the status it leaves (none for a note) and the kind of notice.
HAPPENINGS: dict[Happening, tuple[str | None, Kind]] = {
    "acknowledge": ("acknowledged", Kind.STATUS),
    "progress": ("inProgress", Kind.STATUS),
    "require-information": ("pending", Kind.INFORMATION_REQUIRED),
    "note": (None, Kind.NOTE),
    "resolve": ("resolved", Kind.RESOLVED),
    "close": ("closed", Kind.CLOSED),
    "reject": ("rejected", Kind.STATUS),
    "reopen": ("inProgress", Kind.STATUS),
}
