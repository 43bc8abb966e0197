"""What other services find out about a case: its cover, and what went wrong on their side."""

from libs.events.ecps import PartnerSilent
from libs.events.entitlements import CoverageDecided
from libs.events.rma import DeliveryPromiseMissed
from libs.events.rma_returns import RepeatReplacementDetected
from libs.store import Transaction
from services.escalation.reactions.act_on_case import settle
from services.escalation.reactions.record_fact import file_of, record


async def choose_policy_by_cover(event: CoverageDecided, tx: Transaction) -> None:
    """Plan and country select the numbers that hold, from the opening on."""
    case = await file_of(event.case_id, tx)
    case.account_id = event.account_id
    case.cover(
        revision=event.revision,
        plan=event.plan,
        region=event.site.country if event.site else None,
        family=event.product.family if event.product else None,
    )
    await settle(case, tx)


async def note_missed_contract_date(event: DeliveryPromiseMissed, tx: Transaction) -> None:
    await record(event.case_id, tx, "contract_date_missed", event.missed_at)


async def note_repeat_replacement(event: RepeatReplacementDetected, tx: Transaction) -> None:
    await record(event.case_id, tx, "repeat_replacement", event.detected_at)


async def note_silent_partner(event: PartnerSilent, tx: Transaction) -> None:
    await record(event.case_id, tx, "partner_silence", event.silent_at)
