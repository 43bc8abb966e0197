"""Open the ticket on the partner's side: a durable call that looks our reference up before it ever creates (S6)."""

from datetime import datetime
from typing import Any

import httpx

from libs.bus.jobs import JobRun
from libs.store import Transaction
from services.ecps.connectors.tmf621 import OutcomeUnknown, Refused, Ticket, Tmf621
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.secrets import unseal


def start_opening(
    engagement: Engagement, case: CaseFile, partner: Partner, tx: Transaction, *, at: datetime | None = None
) -> None:
    """A manual connector waits here for the engineer who opens the ticket and records its number."""
    engagement.to("submitting", tx, f"by the {partner.connector} connector", at=at)
    if partner.connector == "tmf621":
        payload = {**place_of(partner), "ticket": _request(engagement, case)}
        tx.start_job(
            engagement, "open_ticket", payload, destination=str(partner.id), reference=engagement.our_reference
        )


def place_of(partner: Partner) -> dict[str, Any]:
    """What a job needs to call the partner; the credentials stay sealed until the call."""
    return {"base_url": partner.base_url, "credentials": partner.sealed_credentials}


def connector(run: JobRun, http: httpx.AsyncClient) -> Tmf621:
    return Tmf621(http, run.payload["base_url"], unseal(run.payload["credentials"]))


def _request(engagement: Engagement, case: CaseFile) -> dict[str, Any]:
    """What the partner needs to know of the case, and nothing about people."""
    diagnosis, opened, wish = case.diagnoses[engagement.diagnosis_id], case.opened, case.wish(engagement.partner_id)
    product = case.coverage.product if case.coverage else None
    said = [
        opened.description if opened else None,
        f"Findings: {diagnosis.findings}",
        f"Component: {diagnosis.component}; fault code: {diagnosis.fault_code}; confidence: {diagnosis.confidence}",
        f"Product: {product.family} {product.model}" if product else None,
        f"Support agreement: {engagement.agreement_reference}" if engagement.agreement_reference else None,
        f"The customer: {wish.last.message}" if wish and wish.last.message else None,
    ]
    return {
        "@type": "TroubleTicket",
        "name": f"{diagnosis.component}: {diagnosis.fault_code}",
        "description": "\n".join(text for text in said if text),
        "severity": opened.severity if opened else "major",
        "ticketType": "technicalSupport",
        "externalIdentifier": [
            {"@type": "ExternalIdentifier", "id": engagement.our_reference, "owner": "Poly+", "externalIdentifierType": "reference"}
        ],
    }  # fmt: skip


def _opened(ticket: Ticket) -> dict[str, Any]:
    return {"outcome": "opened", "ticket": {"number": ticket.id, "url": ticket.href, "status": ticket.status}}


async def open_ticket(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """Their side has no idempotency, and an attempt before this one may have got through: look first, every time."""
    partner = connector(run, http)
    try:
        if found := await partner.find(run.reference):
            return _opened(found)
        return _opened(await partner.create(run.payload["ticket"]))
    except OutcomeUnknown as lost:
        return {"outcome": "unknown", "detail": str(lost)}
    except Refused as refusal:
        return {"outcome": "rejected", "detail": str(refusal)}


async def look_up_ticket(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """Whether there is a ticket under our reference after all."""
    found = await connector(run, http).find(run.reference)
    return _opened(found) if found else {"outcome": "none"}
