"""Whether the partner has the ticket that it gave a number of: some systems say 201 and keep nothing (S6, S8)."""

from datetime import timedelta
from typing import Any

import httpx

from libs.bus.jobs import JobRun
from libs.events.ecps import PartnerTicketMissing
from libs.store import Transaction
from services.ecps.connectors.outcomes import CredentialsRefused, NotOurs, OutcomeUnknown, Refused, SearchUnusable
from services.ecps.model.alarms import doubt
from services.ecps.model.engagement import CHECK, CHECK_TICKET, SILENT, WORKED_ON, Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.policy import policies
from services.ecps.reactions.mend_credentials import tell_operator
from services.ecps.reactions.send_note import send_again
from services.ecps.reactions.submit_ticket import connector, submit_ticket

_GONE = (404, 410)


async def check(engagement: Engagement, tx: Transaction, _detail: str = "") -> None:
    """Looks for the ticket, where their system can be asked."""
    partner = await Partner.get(engagement.partner_id, tx)
    if engagement.state in WORKED_ON and partner.connector == "tmf621":
        about = {"destination": str(partner.id), "reference": engagement.our_reference}
        tx.start_job(engagement, CHECK_TICKET, {"ticket_number": engagement.ticket_number}, **about)


async def look_for_ticket(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The call: by its number, and where that is nothing by our reference. Raises Unreachable."""
    partner, number = connector(run, http), run.payload["ticket_number"]
    about = {"ticket_number": number}
    try:
        await partner.get(number)
    except CredentialsRefused:
        return {"outcome": "held"} | about
    except (NotOurs, OutcomeUnknown):
        # Something of that number is there: an engineer may have opened it by telephone.
        return {"outcome": "there"} | about
    except Refused as refusal:
        if refusal.status in _GONE:
            return {"outcome": await _search(run, http)} | about
    return {"outcome": "there"} | about


async def _search(run: JobRun, http: httpx.AsyncClient) -> str:
    try:
        found = await connector(run, http).find()
    except CredentialsRefused:
        return "held"
    except (Refused, SearchUnusable):
        return "unusable"
    return "moved" if found else "missing"


async def record_check(engagement: Engagement, result: dict[str, Any], tx: Transaction) -> None:
    """Missing only when every look of the policy found nothing: then another one is opened, under the same reference, so that the lost
    one is found if it turns up before."""
    if engagement.state not in WORKED_ON or engagement.ticket_number != result["ticket_number"]:
        return
    policy = await policies.at(tx)
    match result["outcome"]:
        case "there":
            engagement.looks, engagement.missed_since = 0, None
        case "held":
            await tell_operator(engagement, tx)
            tx.set_timer(engagement, CHECK, tx.now + timedelta(minutes=policy.retry_unreachable_minutes))
        case "missing":
            engagement.looks += 1
            engagement.missed_since = engagement.missed_since or tx.now
            # Also when failing notes made it look more often.
            if engagement.looks < policy.looks or tx.now - engagement.missed_since < policy.missed_after:
                tx.set_timer(engagement, CHECK, tx.now + policy.next_look(engagement.looks))
            else:
                await _open_another(engagement, tx)
        case what:
            doubt("another_ticket" if what == "moved" else "search_unusable", engagement=engagement.number)


async def record_no_check(engagement: Engagement, _reason: str, tx: Transaction) -> None:
    """Their system could not be asked: it is asked again."""
    minutes = (await policies.at(tx)).retry_unreachable_minutes
    tx.set_timer(engagement, CHECK, tx.now + timedelta(minutes=minutes))


async def _open_another(engagement: Engagement, tx: Transaction) -> None:
    tx.emit(PartnerTicketMissing(**engagement.ticket_facts(), missing_at=tx.now))
    engagement.record(tx, f"their ticket {engagement.ticket_number} is not there")
    engagement.forget_ticket()
    engagement.partner_response_due = None
    tx.cancel_timer(engagement, SILENT)
    await send_again(engagement, tx)
    submit_ticket(engagement, await Partner.get(engagement.partner_id, tx), tx)
