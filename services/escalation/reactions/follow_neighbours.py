"""What other services find out about a case: its cover, and what went wrong on their side."""

from libs.events.ecps import PartnerSilent
from libs.events.entitlements import CoverageDecided
from libs.events.rma import DeliveryPromiseMissed
from libs.events.rma_returns import RepeatReplacementDetected
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.place import Place
from services.escalation.reactions.act_on_case import act_on
from services.escalation.reactions.record_fact import record


async def choose_policy_by_cover(event: CoverageDecided, tx: Transaction) -> None:
    """Plan and country select the numbers that hold, and the place the business days, from the opening on."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.account_id = event.account_id
    case.cover(
        revision=event.revision,
        plan=event.plan,
        place=Place.of(event.site) if event.site else None,
        family=event.product.family if event.product else None,
    )
    await act_on(case, tx)


async def note_missed_contract_date(event: DeliveryPromiseMissed, tx: Transaction) -> None:
    """Breaches the rule `contract_date_missed`."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "contract_date_missed", event.missed_at)


async def note_repeat_replacement(event: RepeatReplacementDetected, tx: Transaction) -> None:
    """Breaches the rule `repeat_replacement`."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "repeat_replacement", event.detected_at)


async def note_silent_partner(event: PartnerSilent, tx: Transaction) -> None:
    """Breaches the rule `partner_silence`."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "partner_silence", event.silent_at)
