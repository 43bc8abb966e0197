"""The partners' signed webhook (Standard Webhooks), and their news as an engineer or their own system enters it."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import Header, Request
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, field_validator

from libs.kit.http import Caller, Command, Router, Tx, allow, public
from libs.kit.problems import Unauthenticated, Unavailable
from libs.kit.settings import setting
from libs.store import Transaction
from libs.store.ids import new_id
from services.ecps.model.engagement import Engagement, NoTicket, TicketTaken, machine
from services.ecps.model.fields import Line, Text, Url
from services.ecps.model.partner import Partner
from services.ecps.model.secrets import unseal
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.use_cases.hear_partner import Kind, News, hear
from services.ecps.use_cases.record_ticket import record_ticket

log = structlog.get_logger()
router = Router(tags=["partner engagements"])
TOLERANCE_SECONDS = 300


class Notice(BaseModel):
    """What a partner's system tells; fields that we do not know are ignored, words that we do not know are kept."""

    event_id: str | None = None
    partner_reference: str | None = None
    our_reference: str | None = None
    kind: str = "note"
    status: str | None = None
    text: str | None = None
    occurred_at: AwareDatetime | None = None
    sequence: int | None = Field(None, ge=0, lt=2**31)

    @field_validator("event_id", "partner_reference", "our_reference", "kind", "status", "text", mode="after")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        return value and value.encode(errors="replace").decode().replace("\0", "")[:20_000]


class Heard(BaseModel):
    """`known`: it is about an engagement of ours; `repeated`: it was heard before."""

    known: bool
    repeated: bool = False


def verify(secret: str, webhook_id: str, timestamp: str, signatures: str, body: bytes, now: float) -> None:
    """Standard Webhooks, symmetric (v1): several signatures while the secret rotates. Raises Unauthenticated."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        sent_at = int(timestamp)
    except (binascii.Error, ValueError):
        raise Unauthenticated("The notice's timestamp or our secret is not readable.") from None
    if abs(now - sent_at) > TOLERANCE_SECONDS:
        raise Unauthenticated("The notice's timestamp is more than five minutes away from now.")
    expected = base64.b64encode(hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256))
    given = [part.partition(",") for part in signatures.split()]
    if not any(v == "v1" and hmac.compare_digest(expected, s.encode()) for v, _, s in given):
        raise Unauthenticated("The notice's signature does not match.")


@router.post("/v1/partner-events", status_code=202, dependencies=[public()])
async def receive_notice(
    request: Request,
    tx: Tx,
    webhook_id: Annotated[str, Header(min_length=1, max_length=255)],
    webhook_timestamp: Annotated[str, Header(max_length=20)],
    webhook_signature: Annotated[str, Header(max_length=2000)],
) -> Heard:
    """A fact is taken whatever it says: one that is not about us is answered 202 too, so that nobody tells it for ever."""
    body = await request.body()
    notice = _read(body)
    engagement = await _about(notice, tx) if notice else None
    secret = await _secret(engagement, tx)
    verify(secret, webhook_id, webhook_timestamp, webhook_signature, body, time.time())
    if notice is None or engagement is None:
        log.warning("a partner tells of something that is not ours", webhook_id=webhook_id)
        return Heard(known=False)
    news = News(
        event=notice.event_id or webhook_id, kind=notice.kind, ticket_number=notice.partner_reference,
        status=notice.status, text=notice.text, occurred_at=notice.occurred_at or tx.now, sequence=notice.sequence,
    )  # fmt: skip
    locked = await Engagement.get(engagement.id, tx, lock=True)
    return Heard(known=True, repeated=not await hear(locked, news, tx))


def _read(body: bytes) -> Notice | None:
    try:
        told: Any = json.loads(body)
        return Notice.model_validate(told)
    except (ValueError, ValidationError, RecursionError):
        return None


async def _about(notice: Notice, tx: Transaction) -> Engagement | None:
    found = None
    if notice.our_reference:
        found = await tx.one(Engagement, Engagement.c.our_reference == notice.our_reference)
    if found is None and notice.partner_reference:
        found = await tx.one(Engagement, Engagement.c.ticket_number == notice.partner_reference)
    return found


async def _secret(engagement: Engagement | None, tx: Transaction) -> str:
    """The partner's own secret, else the one of the environment."""
    if engagement and (partner := await Partner.find(engagement.partner_id, tx)):
        own = unseal(partner.sealed_credentials).webhook_secret
        if own:
            return own.get_secret_value()
    secret = setting("PARTNER_WEBHOOK_SECRET", "")
    if not secret:
        raise Unavailable("No partner can be heard: the webhook secret is not set.")
    return secret


class RecordTicket(Command):
    ticket_number: Line
    ticket_url: Url | None = None


class PartnerNews(Command):
    kind: Kind
    text: Text | None = None
    status: Line | None = None
    occurred_at: AwareDatetime | None = None


@router.post("/v1/partner-engagements/{engagement_id}/ticket", dependencies=[allow("engineer", "manager", "admin")])
async def record_ticket_route(engagement_id: UUID, cmd: RecordTicket, tx: Tx, caller: Caller) -> EngagementOut:
    """The engineer opened the ticket by hand (manual connector), or found it while the outcome was unknown."""
    engagement = await engagement_for(caller, engagement_id, tx, lock=True)
    machine.check(engagement.state, "opened")
    same = Engagement.c.ticket_number == cmd.ticket_number
    if await tx.one(Engagement, Engagement.c.partner_id == engagement.partner_id, same):
        raise TicketTaken("That ticket stands for another engagement.", ticket_number=cmd.ticket_number)
    await record_ticket(engagement, {"number": cmd.ticket_number, "url": cmd.ticket_url}, tx)
    return EngagementOut.model_validate(engagement)


@router.post(
    "/v1/partner-engagements/{engagement_id}/partner-updates",
    dependencies=[allow("partner", "engineer", "manager", "admin")],
)
async def enter_news_route(engagement_id: UUID, cmd: PartnerNews, tx: Tx, caller: Caller) -> EngagementOut:
    """What the partner said, by telephone or through our API."""
    engagement = await engagement_for(caller, engagement_id, tx, lock=True)
    if engagement.ticket_number is None:
        raise NoTicket(
            f"The engagement is {engagement.state}: there is no ticket with the partner.",
            state=engagement.state,
            possible=machine.possible(engagement.state),
        )
    at: datetime = min(cmd.occurred_at or tx.now, tx.now)
    author = caller.name if caller.role == "partner" else None
    news = News(event=str(new_id()), occurred_at=at, author=author, **cmd.model_dump(exclude={"occurred_at"}))
    await hear(engagement, news, tx)
    return EngagementOut.model_validate(engagement)
