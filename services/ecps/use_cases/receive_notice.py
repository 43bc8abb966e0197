"""The partners' webhook: news that is signed as Standard Webhooks are (S8)."""

import json
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from pydantic import AwareDatetime, BaseModel, Field, ValidationError, field_validator
from sqlalchemy import or_

from libs.kit.fields import cleaned
from libs.kit.http import Router, Tx, public
from libs.kit.problems import Unauthenticated
from libs.kit.settings import setting
from libs.kit.webhooks import Signed, Webhook
from libs.store import Transaction
from services.ecps.model.alarms import doubt
from services.ecps.model.engagement import Engagement
from services.ecps.model.news import News
from services.ecps.model.partner import Partner
from services.ecps.model.secrets import unseal
from services.ecps.reactions.hear_partner import hear

log = structlog.get_logger()
router = Router(tags=["partner engagements"])
_AHEAD = timedelta(hours=1)


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


@router.post(
    "/v1/partner-events",
    status_code=202,
    dependencies=[public()],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": Notice.model_json_schema()}},
        }
    },
)
async def receive_notice_route(sent: Webhook, tx: Tx) -> Heard:
    """A fact is taken whatever it says: one that is not about us is answered 202 too, so that nobody tells it for ever."""
    notice = _read(sent.body)
    named = await _named(notice, tx) if notice else []
    signed = [engagement for engagement in named if await _signed_for(engagement, sent, tx)]
    if not signed:
        # It names nothing that we know, or it was not signed by that partner.
        sent.verify(await _secrets(named[0] if named else None, tx))
    about = [engagement for engagement in signed if notice and _is_about(engagement, notice)]
    if notice is None or len(about) != 1:
        if signed:
            names = [engagement.number for engagement in signed]
            doubt("another_ticket", engagements=names, ticket=notice and notice.partner_reference)
        log.warning("a partner tells of something that is not ours", webhook_id=sent.id)
        return Heard(known=False)
    return await _hear(about[0].id, notice, sent, tx)


async def _hear(engagement_id: UUID, notice: Notice, sent: Signed, tx: Transaction) -> Heard:
    engagement = await Engagement.get(engagement_id, tx, lock=True)
    # It was read before it was locked, and may have got another ticket since.
    if not _is_about(engagement, notice):
        return Heard(known=False)
    news = News(
        event=notice.event_id or sent.id,
        kind=notice.kind,
        ticket_number=notice.partner_reference,
        status=notice.status,
        text=notice.text,
        occurred_at=_when(notice, tx),
        sequence=notice.sequence,
    )
    return Heard(known=True, repeated=not await hear(engagement, news, tx))


def _when(notice: Notice, tx: Transaction) -> datetime:
    """A clock that is far ahead of ours would hold back everything that is told later."""
    said = notice.occurred_at
    return said if said and said <= tx.now + _AHEAD else tx.now


def _read(body: bytes) -> Notice | None:
    try:
        return Notice.model_validate(cleaned(json.loads(body)))
    except (ValueError, ValidationError, RecursionError):
        return None


async def _named(notice: Notice, tx: Transaction) -> list[Engagement]:
    """The engagements that the notice may mean. Two partners may have tickets of one number."""
    c = Engagement.c
    names = []
    if notice.our_reference:
        names.append(c.our_reference == notice.our_reference)
    if notice.partner_reference:
        names.append(c.ticket_number == notice.partner_reference)
    return await tx.select(Engagement, or_(*names)) if names else []


def _is_about(engagement: Engagement, notice: Notice) -> bool:
    return engagement.is_meant_by(notice.our_reference, notice.partner_reference)


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
