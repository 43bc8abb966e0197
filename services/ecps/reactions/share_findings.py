"""The customer gets our findings, with the partner's ticket number or else the partner's contact (S6, S9)."""

from datetime import datetime

from libs.events.ecps import FindingsShared
from libs.store import Transaction
from libs.store.ids import derived
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.findings import contact_shown
from services.ecps.model.partner import Partner
from services.ecps.model.wording import in_short


def share_findings(
    engagement: Engagement, case: CaseFile, partner: Partner | None, tx: Transaction, at: datetime
) -> None:
    """Tells that the document can be read as it stands now; each time is a sharing of its own."""
    diagnosis = case.diagnoses[engagement.diagnosis_id]
    engagement.findings_shared += 1
    path = f"/v1/partner-engagements/{engagement.id}/findings"
    tx.emit(
        FindingsShared(
            **engagement.facts(),
            findings_id=derived(engagement.id, f"findings:{engagement.findings_shared}"),
            language=engagement.language,
            summary=in_short(engagement.language, component=diagnosis.component, findings=diagnosis.findings),
            pdf_url=f"{path}.pdf",
            json_url=f"{path}.json",
            ticket_number=engagement.ticket_number,
            partner_contact=contact_shown(engagement, partner),
            shared_at=at,
        )
    )
