"""What happens to a case, as far as its cover is concerned."""

from libs.events.cases import CaseCancelled, CaseClosed, CaseOpened, CaseReopened, CoverageOverridden
from libs.store import Transaction
from services.entitlements.model.case_file import CaseFile
from services.entitlements.use_cases.decide_coverage import decide, decide_from_the_opening


async def answer_case(event: CaseOpened, tx: Transaction) -> None:
    file = await CaseFile.of(event.case_id, tx)
    file.open(event)
    await decide_from_the_opening(file, tx)


async def answer_reopened_case(event: CaseReopened, tx: Transaction) -> None:
    """It is open again: what changed while it was closed is told now."""
    file = await CaseFile.of(event.case_id, tx)
    file.is_open = True
    await decide(file, tx)


async def note_end_of_case(event: CaseClosed | CaseCancelled, tx: Transaction) -> None:
    file = await CaseFile.of(event.case_id, tx)
    file.is_open = False


async def answer_override(event: CoverageOverridden, tx: Transaction) -> None:
    """A manager's word is answered whatever the case's state."""
    file = await CaseFile.of(event.case_id, tx)
    file.overrule(event)
    await decide(file, tx)
