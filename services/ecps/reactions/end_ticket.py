"""Tell the partner's system that their ticket is over for us."""

from typing import Any

import httpx

from libs.bus.jobs import GiveUp, JobRun
from libs.store import Transaction
from services.ecps.connectors.outcomes import CredentialsRefused, NotOurs, Refused
from services.ecps.model.alarms import doubt
from services.ecps.model.engagement import END_TICKET, Engagement, HeldCall
from services.ecps.model.partner import Partner
from services.ecps.reactions.mend_credentials import hold
from services.ecps.reactions.submit_ticket import connector


def end_ticket(engagement: Engagement, partner: Partner, status: str, reason: str, tx: Transaction) -> None:
    """Has the ticket ended there, if there is one. Where the connector is manual, the history asks an engineer to."""
    if engagement.ticket_number is None:
        return
    if partner.connector == "tmf621":
        payload = {
            "our_reference": engagement.our_reference,
            "ticket_number": engagement.ticket_number,
            "status": status,
            "reason": reason,
        }
        tx.start_job(engagement, END_TICKET, payload, destination=str(partner.id))
    else:
        engagement.record(tx, f"their ticket {engagement.ticket_number} is to be ended by hand")


async def tell_end(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The call. It looks at the ticket first, so that a second attempt finds the work done. Raises GiveUp."""
    try:
        await connector(run, http).become(run.payload["ticket_number"], run.payload["status"], run.payload["reason"])
    except NotOurs as stranger:
        doubt("not_ours", ticket=run.payload["ticket_number"], why=str(stranger))
        raise GiveUp(str(stranger)) from stranger
    except CredentialsRefused as refusal:
        about = ("our_reference", "ticket_number", "status", "reason")
        return {"held": str(refusal), "call": {name: run.payload[name] for name in about}}
    except Refused as refusal:
        raise GiveUp(str(refusal)) from refusal
    return {}


async def record_end_told(engagement: Engagement, result: dict[str, Any], tx: Transaction) -> None:
    """The partner's system took it, or does not let us in for now."""
    if "held" in result:
        await hold(engagement, END_TICKET, HeldCall(**result["call"]), tx)
        return
    engagement.record(tx, "their ticket was ended")


async def record_end_not_told(engagement: Engagement, reason: str, tx: Transaction) -> None:
    """The partner's system did not take it, and is not asked again."""
    engagement.record(tx, f"their ticket could not be ended: {reason}")
