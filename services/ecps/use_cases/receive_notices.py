"""The partners' signed webhook (Standard Webhooks), and their news as an engineer or their own system enters it."""

import json
from datetime import datetime
from uuid import UUID

import structlog
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, field_validator
from sqlalchemy import or_

from libs.kit.auth import ENGINEERS
from libs.kit.fields import Line, Text, Url, cleaned
from libs.kit.http import Caller, Command, Router, Tx, allow, public
from libs.kit.problems import Unauthenticated
from libs.kit.settings import setting
from libs.kit.states import ForbiddenTransition
from libs.kit.webhooks import Signed, Webhook
from libs.store import Transaction
from libs.store.ids import new_id
from services.ecps.model.alarms import doubt
from services.ecps.model.engagement import Engagement, NoTicket, TicketTaken, machine
from services.ecps.model.partner import Partner
from services.ecps.model.secrets import unseal
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.use_cases.hear_partner import Kind, News, hear
from services.ecps.use_cases.record_ticket import record_ticket, submit_again

log = structlog.get_logger()
router = Router(tags=["partner engagements"])


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
    def _bounded(cls, value: str | None) -> str | None:
        return value and value[:20_000]


class Heard(BaseModel):
    """`known`: it is about an engagement of ours; `repeated`: it was heard before."""

    known: bool
    repeated: bool = False


@router.post("/v1/partner-events", status_code=202, dependencies=[public()])
async def receive_notice(sent: Webhook, tx: Tx) -> Heard:
    """A fact is taken whatever it says: one that is not about us is answered 202 too, so that nobody tells it for ever."""
    notice = _read(sent.body)
    named = await _named(notice, tx) if notice else []
    signed = [engagement for engagement in named if await _signed_for(engagement, sent, tx)]
    if not signed:  # of nothing that we know, or not by its partner
        sent.verify(await _secrets(named[0] if named else None, tx))
    about = [engagement for engagement in signed if notice and _is_about(engagement, notice)]
    if notice is None or len(about) != 1:
        if signed:
            names = [engagement.number for engagement in signed]
            doubt("another_ticket", engagements=names, ticket=notice and notice.partner_reference)
        log.warning("a partner tells of something that is not ours", webhook_id=sent.id)
        return Heard(known=False)
    news = News(
        event=notice.event_id or sent.id, kind=notice.kind, ticket_number=notice.partner_reference,
        status=notice.status, text=notice.text, occurred_at=notice.occurred_at or tx.now, sequence=notice.sequence,
    )  # fmt: skip
    locked = await Engagement.get(about[0].id, tx, lock=True)
    if not _is_about(locked, notice):
        return Heard(known=False)
    return Heard(known=True, repeated=not await hear(locked, news, tx))


def _read(body: bytes) -> Notice | None:
    try:
        return Notice.model_validate(cleaned(json.loads(body)))
    except (ValueError, ValidationError, RecursionError):
        return None


async def _named(notice: Notice, tx: Transaction) -> list[Engagement]:
    """Whom the notice may mean. Two partners may have tickets of one number."""
    c = Engagement.c
    names = []
    if notice.our_reference:
        names.append(c.our_reference == notice.our_reference)
    if notice.partner_reference:
        names.append(c.ticket_number == notice.partner_reference)
    return await tx.select(Engagement, or_(*names)) if names else []


def _is_about(engagement: Engagement, notice: Notice) -> bool:
    """It carries our ticket's number; our reference as well, where we have no number yet. What it says of either has to fit."""
    if notice.our_reference not in (None, engagement.our_reference) or not notice.partner_reference:
        return False
    if engagement.ticket_number is None:
        return notice.our_reference == engagement.our_reference
    return notice.partner_reference == engagement.ticket_number


async def _signed_for(engagement: Engagement, sent: Signed, tx: Transaction) -> bool:
    try:
        sent.verify(await _secrets(engagement, tx))
    except Unauthenticated:
        return False
    return True


async def _secrets(engagement: Engagement | None, tx: Transaction) -> str:
    """The partner's own, else those of the environment."""
    if engagement and (partner := await Partner.find(engagement.partner_id, tx)):
        own = unseal(partner.sealed_credentials).webhook_secret
        if own:
            return own.get_secret_value()
    return setting("PARTNER_WEBHOOK_SECRET", "")


class RecordTicket(Command):
    ticket_number: Line
    ticket_url: Url | None = None


class PartnerNews(Command):
    kind: Kind
    text: Text | None = None
    status: Line | None = None
    occurred_at: AwareDatetime | None = None


@router.post("/v1/partner-engagements/{engagement_id}/ticket", dependencies=[allow(*ENGINEERS)])
async def record_ticket_route(engagement_id: UUID, cmd: RecordTicket, tx: Tx, caller: Caller) -> EngagementOut:
    """The engineer opened the ticket by hand (manual connector), or found it while the outcome was unknown."""
    engagement = await engagement_for(caller, engagement_id, tx, lock=True)
    machine.check(engagement.state, "opened")
    same = Engagement.c.ticket_number == cmd.ticket_number
    if await tx.first(Engagement, Engagement.c.partner_id == engagement.partner_id, same):
        raise TicketTaken("That ticket stands for another engagement.", ticket_number=cmd.ticket_number)
    await record_ticket(engagement, {"number": cmd.ticket_number, "url": cmd.ticket_url}, tx)
    return EngagementOut.model_validate(engagement)


@router.post("/v1/partner-engagements/{engagement_id}/no-ticket", dependencies=[allow(*ENGINEERS)])
async def record_no_ticket_route(engagement_id: UUID, tx: Tx, caller: Caller) -> EngagementOut:
    """An engineer looked at the partner's side while the outcome was unknown: there is no ticket of ours. It is created again."""
    engagement = await engagement_for(caller, engagement_id, tx, lock=True)
    if engagement.state != "outcome_unknown":
        raise ForbiddenTransition(
            machine.name, engagement.state, "submitting again", list(machine.possible(engagement.state))
        )
    await submit_again(engagement, tx)
    return EngagementOut.model_validate(engagement)


@router.post(
    "/v1/partner-engagements/{engagement_id}/partner-updates",
    dependencies=[allow("partner", *ENGINEERS)],
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
