"""Open the ticket on the partner's side: a durable call that looks our reference up before it ever creates (S6)."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

import httpx

from libs.bus.jobs import JobRun, TryLater
from libs.store import Transaction
from services.ecps.connectors.outcomes import (
    NOTHING_SENT,
    CredentialsRefused,
    NotOurs,
    OutcomeUnknown,
    Refused,
    SearchUnusable,
    Unreachable,
)
from services.ecps.connectors.tmf621 import Ticket, Tmf621
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import OPEN_TICKET, Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.secrets import unseal
from services.ecps.model.wording import product_name

# Less than a job's time, so that a slow answer is an unknown outcome and not a failed attempt.
_CREATING_SECONDS = 25


def submit_ticket(
    engagement: Engagement,
    partner: Partner,
    tx: Transaction,
    *,
    at: datetime | None = None,
    known: str | None = None,
    doubtful: bool = False,
) -> None:
    """Starts the call. A manual connector waits instead for the engineer who opens the ticket and records its number.

    As far as anybody knows, nothing under our reference is at the partner yet; `known`: nothing but this ticket; `doubtful`: nobody
    knows.
    Raises ForbiddenTransition.
    """
    engagement.become("submitting", tx, f"by the {partner.connector} connector", at=at)
    if partner.connector == "tmf621":
        about = {"destination": str(partner.id), "reference": engagement.our_reference}
        wanted = {"known": known, "submission": engagement.submissions, "doubtful": doubtful}
        tx.start_job(engagement, OPEN_TICKET, wanted, **about)


async def ticket_to_open(engagement: Engagement, tx: Transaction) -> dict[str, Any]:
    """What the call takes along, as it is when it is made: no job's row holds what somebody wrote. `stands`:
    the submission that is wanted; None where none is any more."""
    case, partner = await CaseFile.get(engagement.case_id, tx), await Partner.get(engagement.partner_id, tx)
    stands = engagement.submissions if engagement.state == "submitting" else None
    return {**address_of(partner), "ticket": _ticket_to_open(engagement, case), "stands": stands}


def address_of(partner: Partner) -> dict[str, Any]:
    """What a job needs to call the partner; the credentials stay sealed until the call."""
    return {
        "base_url": partner.base_url,
        "credentials": partner.sealed_credentials,
        "search_by": partner.search_by,
    }


async def address_now(engagement: Engagement, tx: Transaction) -> dict[str, Any]:
    """The same for each attempt, so that what was mended meanwhile is used."""
    return address_of(await Partner.get(engagement.partner_id, tx))


def connector(run: JobRun, http: httpx.AsyncClient) -> Tmf621:
    """The partner's system as a job calls it, by the address that its payload holds."""
    reference = run.payload.get("our_reference") or run.reference
    told = run.payload
    return Tmf621(http, told["base_url"], unseal(told["credentials"]), reference, told.get("search_by"))


def _ticket_to_open(engagement: Engagement, case: CaseFile) -> dict[str, Any]:
    """What the partner needs to know of the case, and nothing about people."""
    diagnosis, opened, wish = case.diagnoses[engagement.diagnosis_id], case.opened, case.wish(engagement.partner_id)
    product = case.coverage.product if case.coverage else None
    said = [
        opened.description if opened else None,
        f"Findings: {diagnosis.findings}",
        f"Component: {diagnosis.component}; fault code: {diagnosis.fault_code}; confidence: {diagnosis.confidence}",
        f"Product: {product_name(product)}" if product else None,
        f"Support agreement: {engagement.agreement_reference}" if engagement.agreement_reference else None,
        f"The customer: {wish.last.message}" if wish and wish.last.message else None,
    ]
    ours = {"id": engagement.our_reference, "owner": "Poly+", "externalIdentifierType": "reference"}
    return {
        "@type": "TroubleTicket",
        "name": f"{diagnosis.component}: {diagnosis.fault_code}",
        "description": "\n".join(text for text in said if text),
        "severity": opened.severity if opened else "major",
        "ticketType": "technicalSupport",
        "externalIdentifier": [{"@type": "ExternalIdentifier", **ours}],
    }


def _opened(ticket: Ticket) -> dict[str, Any]:
    return {"outcome": "opened", "ticket": {"number": ticket.id, "status": ticket.status}}


class MayBeSent(TryLater):
    """An attempt before this one may have got through, and now their side is out of reach."""


async def open_ticket(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The call. Their side has no idempotency, and an earlier attempt may have got through: it looks first, every time.

    After such an attempt, a search that finds nothing proves nothing, since searches come late: then nothing is created here. Nor is
    anything of a case sent that is not to be shared any more.
    Raises Unreachable, MayBeSent.
    """
    partner = connector(run, http)
    untouched = not run.payload.get("doubtful") and (run.attempt == 1 or (run.said or "").startswith(NOTHING_SENT))
    if not _is_wanted(run) and untouched:
        return {"outcome": "dropped"}
    try:
        found = await _first_look(partner, run)
    except (Refused, SearchUnusable) as why:
        if isinstance(why, Refused) and untouched:
            return {"outcome": "rejected", "detail": str(why)}
        found = None
    except CredentialsRefused as refusal:
        return {"outcome": "held", "detail": str(refusal), "doubtful": not untouched}
    except Unreachable as away:
        if untouched:
            raise
        raise MayBeSent(f"an earlier attempt may have got through ({away})", away.retry_after) from away
    if found:
        return _opened(found)
    if not untouched:
        return {"outcome": "unknown", "detail": "an earlier attempt may have got through; a search does not show it"}
    return await _create(partner, run.payload["ticket"])


def _is_wanted(run: JobRun) -> bool:
    """Whether it is still to be opened, and by this call; those of the release before do not say which they are."""
    stands: int | None = run.payload["stands"]
    return stands is not None and run.payload.get("submission", stands) == stands


async def _first_look(partner: Tmf621, run: JobRun) -> Ticket | None:
    if known := run.payload.get("known"):
        with suppress(NotOurs, Refused):
            return await partner.get(known)
    return await partner.find()


async def _create(partner: Tmf621, ticket: dict[str, Any]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_CREATING_SECONDS):
            return _opened(await partner.create(ticket))
    except (OutcomeUnknown, TimeoutError) as lost:
        return {"outcome": "unknown", "detail": str(lost) or "no answer in time"}
    except CredentialsRefused as refusal:
        return {"outcome": "held", "detail": str(refusal), "doubtful": False}
    except Refused as refusal:
        return {"outcome": "rejected", "detail": str(refusal)}


async def look_up_ticket(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The call that asks whether there is a ticket under our reference after all. Raises Refused, Unreachable."""
    try:
        found = await connector(run, http).find()
    except CredentialsRefused as refusal:
        return {"outcome": "held", "detail": str(refusal)}
    except SearchUnusable as why:
        return {"outcome": "unusable", "detail": str(why)}
    return _opened(found) if found else {"outcome": "none"}
