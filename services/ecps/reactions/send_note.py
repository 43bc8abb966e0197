"""Our notes to the partner: the customer's, the engineer's, the technician's; never what came from there (S8)."""

from typing import Any

import httpx

from libs.bus.jobs import GiveUp, JobRun
from libs.store import Transaction
from services.ecps.connectors.outcomes import CredentialsRefused, NotOurs, Refused
from services.ecps.model.alarms import doubt
from services.ecps.model.engagement import CHECK, Engagement
from services.ecps.model.engagement_note import SEND_NOTE, EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.reactions.mend_credentials import tell_operator
from services.ecps.reactions.submit_ticket import address_of, connector


def send(note: EngagementNote, engagement: Engagement, partner: Partner, tx: Transaction) -> None:
    """Keeps the note; it goes out now where there is a ticket, else when there is one. By hand where the connector is manual."""
    tx.add(note)
    _dispatch(note, engagement, partner, tx)


async def send_waiting(engagement: Engagement, partner: Partner, tx: Transaction) -> None:
    """Sends what was said before there was a ticket, in the order in which it was said."""
    waiting = await tx.select(
        EngagementNote,
        EngagementNote.c.engagement_id == engagement.id,
        EngagementNote.c.delivery == "waiting",
        order_by=(EngagementNote.c.said_at, EngagementNote.c.id),
        lock=True,
    )
    for note in waiting:
        _dispatch(note, engagement, partner, tx)


async def send_again(engagement: Engagement, tx: Transaction) -> None:
    """Their ticket is not there, and nor are the notes that were added to it: they go to the next one."""
    told = EngagementNote.c.delivery.in_(("sending", "sent", "held", "failed"))
    of_it = EngagementNote.c.engagement_id == engagement.id, EngagementNote.c.direction == "to_partner"
    for note in await tx.select(EngagementNote, *of_it, told, order_by=(EngagementNote.c.id,), lock=True):
        note.delivery = "waiting"


async def withhold(engagement: Engagement, tx: Transaction) -> None:
    """The matter was taken back: what the partner does not have yet, it never gets."""
    on_its_way = EngagementNote.c.delivery.in_(("waiting", "sending", "held", "by_hand"))
    of_it = EngagementNote.c.engagement_id == engagement.id
    for note in await tx.select(EngagementNote, of_it, on_its_way, order_by=(EngagementNote.c.id,), lock=True):
        note.delivery = "withheld"


def _dispatch(note: EngagementNote, engagement: Engagement, partner: Partner, tx: Transaction) -> None:
    if engagement.ticket_number is None:
        return
    note.delivery = "sending" if partner.connector == "tmf621" else "by_hand"
    if note.delivery == "sending":
        tx.start_job(note, SEND_NOTE, destination=str(partner.id))


async def note_to_tell(note: EngagementNote, tx: Transaction) -> dict[str, Any]:
    """What the call takes along, as it is when it is made: no job's row holds what somebody wrote."""
    engagement = await Engagement.get(note.engagement_id, tx)
    partner = await Partner.get(engagement.partner_id, tx)
    return {
        **address_of(partner),
        "our_reference": engagement.our_reference,
        "ticket_number": engagement.ticket_number,
        "text": note.outgoing_text,
        "marker": note.marker,
        "author": note.author,
        "withheld": note.delivery != "sending" or engagement.ticket_number is None,
    }


async def tell_note(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The call. Nothing of a customer's is written on a ticket that does not carry our reference. Raises GiveUp."""
    if run.payload["withheld"]:
        return {}
    note = {name: run.payload[name] for name in ("text", "marker", "author")}
    try:
        await connector(run, http).add_note(run.payload["ticket_number"], **note)
    except NotOurs as stranger:
        doubt("not_ours", ticket=run.payload["ticket_number"], why=str(stranger))
        return {"by_hand": str(stranger)}
    except CredentialsRefused as refusal:
        return {"held": str(refusal)}
    except Refused as refusal:
        raise GiveUp(str(refusal)) from refusal
    return {}


async def record_note_told(note: EngagementNote, result: dict[str, Any], tx: Transaction) -> None:
    """The partner has it, or somebody has to tell it by hand, or it waits until we are let in again."""
    if "held" in result:
        note.delivery = "held" if note.delivery == "sending" else note.delivery
        await tell_operator(await Engagement.get(note.engagement_id, tx), tx)
    elif note.delivery == "sending":
        note.delivery = "by_hand" if result.get("by_hand") else "sent"


async def record_note_not_told(note: EngagementNote, _reason: str, tx: Transaction) -> None:
    """The partner's system did not take it, and is not asked again. Perhaps the ticket is not there."""
    if note.delivery == "sending":
        note.delivery = "failed"
        engagement = await Engagement.get(note.engagement_id, tx)
        tx.set_timer(engagement, CHECK, tx.now)
