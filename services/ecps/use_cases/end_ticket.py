"""Tell the partner's system that their ticket is over for us."""

from typing import Any

import httpx

from libs.bus.jobs import GiveUp, JobRun
from libs.store import Transaction
from services.ecps.connectors.tmf621 import NotOurs, Refused
from services.ecps.model.alarms import doubt
from services.ecps.model.engagement import Engagement
from services.ecps.model.partner import Partner
from services.ecps.use_cases.submit_ticket import connector, place_of


def end_ticket(engagement: Engagement, partner: Partner, status: str, reason: str, tx: Transaction) -> None:
    """By hand where the connector is manual: the history says so to the engineer."""
    if engagement.ticket_number is None:
        return
    if partner.connector == "tmf621":
        payload = {
            **place_of(partner), "our_reference": engagement.our_reference, "ticket_number": engagement.ticket_number,
            "status": status, "reason": reason,
        }  # fmt: skip
        tx.start_job(engagement, "end_ticket", payload, destination=str(partner.id))
    else:
        engagement.record(tx, f"their ticket {engagement.ticket_number} is to be ended by hand")


async def tell_end(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """Looks at the ticket first, so that a second attempt finds the work done."""
    try:
        await connector(run, http).become(run.payload["ticket_number"], run.payload["status"], run.payload["reason"])
    except NotOurs as stranger:
        doubt("not_ours", ticket=run.payload["ticket_number"], why=str(stranger))
        raise GiveUp(str(stranger)) from stranger
    except Refused as refusal:
        raise GiveUp(str(refusal)) from refusal
    return {}


async def record_end_told(engagement: Engagement, result: dict[str, Any], tx: Transaction) -> None:
    del result
    engagement.record(tx, "their ticket was ended")


async def record_end_not_told(engagement: Engagement, reason: str, tx: Transaction) -> None:
    engagement.record(tx, f"their ticket could not be ended: {reason}")
