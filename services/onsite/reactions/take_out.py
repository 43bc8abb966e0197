"""What was typed about a visit, and what a case said when it was cancelled or a diagnosis withdrawn, goes when it is taken out."""

from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.kit.taking_out import take_words_out
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.case_file import CaseFile
from services.onsite.model.work_order import WorkOrder


async def take_out_text(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    """Also where a note of the case told it again: our own event says which words those are."""
    await take_words_out(event, tx, WorkOrder, Appointment, copy=CaseFile)
