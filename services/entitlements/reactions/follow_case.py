"""What happens to a case, as far as its cover is concerned."""

from libs.events.cases import (
    CaseCancelled,
    CaseClosed,
    CaseCorrected,
    CaseOpened,
    CaseReopened,
    CoverageOverridden,
    CoverageOverrideWithdrawn,
)
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.entitlements.model.case_file import CaseFile
from services.entitlements.reactions.decide_coverage import decide, decide_from_the_opening


async def answer_case(event: CaseOpened, tx: Transaction) -> None:
    """Decides what covers it, and tells it with all that stands behind the case (S2, S3)."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.open(event)
    await decide_from_the_opening(case, tx)


async def answer_correction(event: CaseCorrected, tx: Transaction) -> None:
    """Decides anew for what is right, as of the opening; that may be worse than what the case was told before (S2)."""
    case = await case_file(CaseFile, event.case_id, tx)
    if case.correct(event):
        await decide_from_the_opening(case, tx)


async def answer_reopened_case(event: CaseReopened, tx: Transaction) -> None:
    """It is open again: what changed while it was closed is told now."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.is_open = True
    await decide(case, tx)


async def note_end_of_case(event: CaseClosed | CaseCancelled, tx: Transaction) -> None:
    """It is not decided again any more."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.is_open = False


async def answer_override(event: CoverageOverridden, tx: Transaction) -> None:
    """A manager's word is answered whatever the case's state."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.overrule(event)
    await decide(case, tx)


async def answer_withdrawn_override(event: CoverageOverrideWithdrawn, tx: Transaction) -> None:
    """The contract decides again, whatever the case's state; what began meanwhile counts."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.take_word_back()
    await decide(case, tx)
