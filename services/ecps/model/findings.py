"""The findings document: what we found, with the partner's ticket number or else the partner's contact (S6, S9)."""

from pydantic import BaseModel

from libs.events.ecps import NotOpenable
from libs.events.values import Confidence, Domain, Instant, Language, PartnerContact
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.wording import product_name


class Findings(BaseModel):
    """In the customer's language as far as the words are ours; what people wrote stays as they wrote it."""

    reference: str
    language: Language
    case_number: str | None
    product: str | None
    serial: str | None
    reported: str | None
    component: str
    fault_code: str
    domain: Domain
    findings: str
    confidence: Confidence
    diagnosed_at: Instant
    partner_name: str
    ticket_number: str | None
    ticket_url: str | None
    reason: NotOpenable | None
    explanation: str | None
    partner_contact: PartnerContact | None


def contact_shown(engagement: Engagement, partner: Partner | None) -> PartnerContact | None:
    """Whom the customer can turn to; None once there is a ticket."""
    return partner.contact if partner and engagement.ticket_number is None else None


def findings_of(engagement: Engagement, case: CaseFile, partner: Partner | None) -> Findings:
    """The document as things stand now."""
    diagnosis, opened = case.diagnoses[engagement.diagnosis_id], case.request
    product = case.coverage.product if case.coverage else None
    return Findings(
        reference=engagement.number,
        language=engagement.language,
        case_number=opened.number if opened else None,
        product=product_name(product) if product else (opened.product_number if opened else None),
        serial=product.serial if product else (opened.serial if opened else None),
        reported=opened.description if opened else None,
        component=diagnosis.component,
        fault_code=diagnosis.fault_code,
        domain=diagnosis.domain,
        findings=diagnosis.findings,
        confidence=diagnosis.confidence,
        diagnosed_at=diagnosis.diagnosed_at,
        partner_name=engagement.partner_name,
        ticket_number=engagement.ticket_number,
        ticket_url=engagement.ticket_url,
        reason=engagement.reason,
        explanation=engagement.explanation,
        partner_contact=contact_shown(engagement, partner),
    )
