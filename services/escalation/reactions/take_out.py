"""What was typed about an escalation goes when it is taken out."""

from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.kit.taking_out import take_words_out
from libs.store import Transaction
from services.escalation.model.escalation import Escalation


async def take_out_text(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    await take_words_out(event, tx, Escalation)
