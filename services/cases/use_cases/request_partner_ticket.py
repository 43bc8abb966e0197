"""The customer asks for a ticket with the cloud partner, and does or does not consent to our sharing the case, or no more (S6, S7)."""

from uuid import UUID

from libs.events.cases_work import PartnerConsentWithdrawn, PartnerTicketRequested
from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import must_be_of
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import PartnerRequest
from services.cases.model.diagnosis import Diagnosis, the_partner_of
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.people import KnownContact
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])


class ConsentOfWhom(Unprocessable):
    """Consent is the customer's; staff say who gave it."""


class RequestPartnerTicket(Command):
    """The wish for a ticket, and whether the case may be shared with the partner. Consent that was given is withdrawn by false."""

    partner_id: UUID | None = None
    """None: the one that the standing diagnoses name."""
    consent: bool
    contact_id: UUID | None = None
    """The contact who gave it, when staff ask for them."""
    consent_given_by: Line | None = None
    """Who gave it, when that is no contact: kept only where there is no `contact_id`."""
    message: Text | None = None


async def request_partner_ticket(case: Case, cmd: RequestPartnerTicket, actor: Actor, tx: Transaction) -> None:
    """Raises ConsentOfWhom, WhichPartner, and what `must_be_in` raises for a wish of a case that nobody works on."""
    giver = None if cmd.contact_id else cmd.consent_given_by
    if cmd.consent and actor.origin != "customer" and giver is None and cmd.contact_id is None:
        raise ConsentOfWhom("Say who on the customer's side gave consent: contact_id, or consent_given_by.")
    request = PartnerRequest(
        id=new_id(),
        partner_id=cmd.partner_id or await _diagnosed_partner(case, tx),
        consent=cmd.consent,
        consent_given_by=giver if cmd.consent else None,
        contact_id=cmd.contact_id if cmd.consent else None,
        message=cmd.message,
        by=actor.by,
        at=tx.now,
    )
    withdrawn = not request.consent and case.shares_with(request.partner_id)
    if not withdrawn:
        case.must_be_in(WORKABLE)
    case.partner_requests.append(request)
    if withdrawn:
        about = request.model_dump(include={"partner_id", "message"})
        tx.emit(PartnerConsentWithdrawn(case_id=case.id, **about, **actor.facts(), withdrawn_at=tx.now))
        return
    tx.emit(
        PartnerTicketRequested(
            case_id=case.id,
            request_id=request.id,
            **request.model_dump(include={"partner_id", "consent", "contact_id", "message"}),
            **actor.facts(),
            requested_at=tx.now,
        )
    )


async def _diagnosed_partner(case: Case, tx: Transaction) -> UUID:
    return the_partner_of(await tx.select(Diagnosis, Diagnosis.c.case_id == case.id))


@router.post(
    "/v1/cases/{case_id}/partner-ticket-request",
    dependencies=[allow(*COMMANDS.roles("partner_ticket_request"))],
)
async def request_partner_ticket_route(case_id: UUID, cmd: RequestPartnerTicket, tx: Tx, caller: Caller) -> CaseOut:
    """Ask for a ticket with the cloud partner, with or without consent to share the case; or withdraw the consent."""
    case = await case_for(caller, case_id, tx, command="partner_ticket_request")
    await must_be_of(case.account_id, {"contact_id": (KnownContact, cmd.contact_id)}, tx, consumer="cases")
    await request_partner_ticket(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
