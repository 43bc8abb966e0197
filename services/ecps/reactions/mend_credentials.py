"""A partner does not let us in: an operator is told, calls wait, and go on by themselves once they are let in again."""

from datetime import timedelta

import sqlalchemy as sa

from libs.events.ecps import PartnerCredentialsRefused
from libs.store import Transaction
from services.ecps.model.alarms import refused_credentials
from services.ecps.model.engagement import OPEN_TICKET, Engagement, HeldCall
from services.ecps.model.engagement_note import SEND_NOTE, EngagementNote
from services.ecps.model.partner import REFUSED, TRY_AGAIN, Partner
from services.ecps.model.policy import policies


async def hold(engagement: Engagement, kind: str, call: HeldCall, tx: Transaction) -> None:
    """Keeps a call of this locked engagement until the credentials are mended."""
    engagement.held = {**(engagement.held or {}), kind: call}
    await tell_operator(engagement, tx)


async def tell_operator(engagement: Engagement, tx: Transaction) -> None:
    """By a timer, since the partner is locked before its engagements."""
    tx.set_timer(await Partner.get(engagement.partner_id, tx), REFUSED, tx.now)


async def tell_refused(partner: Partner, tx: Transaction, _detail: str) -> None:
    """Raises the alarm, tells it when it is news, and has everything tried again by and by: they may have mended it on their side."""
    refused_credentials(partner=partner.code)
    if partner.credentials_refused_at is None:
        partner.credentials_refused_at = tx.now
        tx.emit(PartnerCredentialsRefused(partner_id=partner.id, partner_name=partner.name, refused_at=tx.now))
    minutes = (await policies.at(tx)).retry_unreachable_minutes
    tx.set_timer(partner, TRY_AGAIN, tx.now + timedelta(minutes=minutes))


async def try_again(partner: Partner, tx: Transaction, _detail: str) -> None:
    """What waits is tried. Where nothing waits any more, what was tried before has got through."""
    if not await _let_go(partner, tx):
        partner.credentials_refused_at = None
        return
    minutes = (await policies.at(tx)).retry_unreachable_minutes
    tx.set_timer(partner, TRY_AGAIN, tx.now + timedelta(minutes=minutes))


async def use_mended(partner: Partner, tx: Transaction) -> None:
    """The credentials of this locked partner are others now: what waits is tried at once."""
    partner.credentials_refused_at = None
    tx.cancel_timer(partner, TRY_AGAIN)
    await _let_go(partner, tx)


async def _let_go(partner: Partner, tx: Transaction) -> bool:
    its = Engagement.c.partner_id == partner.id
    waiting = await tx.select(
        Engagement, its, Engagement.c.held.is_not(None), order_by=(Engagement.c.diagnosis_id,), lock=True
    )
    for engagement in waiting:
        about = {"destination": str(partner.id), "reference": engagement.our_reference}
        for kind, call in (engagement.held or {}).items():
            if kind != OPEN_TICKET or engagement.state == "submitting":
                now = {"submission": engagement.submissions} if kind == OPEN_TICKET else {}
                tx.start_job(engagement, kind, {**call.model_dump(exclude_none=True), **now}, **about)
        engagement.held = None
    of_its = EngagementNote.c.engagement_id.in_(sa.select(Engagement.c.id).where(its))
    order = (EngagementNote.c.said_at, EngagementNote.c.id)
    notes = await tx.select(EngagementNote, of_its, EngagementNote.c.delivery == "held", order_by=order, lock=True)
    for note in notes:
        note.delivery = "sending"
        tx.start_job(note, SEND_NOTE, destination=str(partner.id))
    return bool(waiting or notes)
