"""A text that was taken out of a case goes from all that is kept of it here, and is told to no partner any more."""

from libs.bus.redaction import take_out_of_copies
from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.redaction import Redaction
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.engagement_note import EngagementNote

_THEIRS = ("text", "needed", "resolution", "reason")
"""Where an event of ours says what a partner said."""


async def take_out_text(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    """Also what a partner said, where a note of the case told it again: its own event says which of their words that was."""
    case, redaction = await case_file(CaseFile, event.case_id, tx), Redaction.of(event)
    case.take_out(redaction)
    if tx.rebuilding:
        return
    told = await take_out_of_copies(case.id, redaction, tx)
    theirs = {data[name] for data in told for name in _THEIRS if data.get(name)}
    for engagement in await tx.select(
        Engagement, Engagement.c.case_id == case.id, order_by=(Engagement.c.id,), lock=True
    ):
        ours = EngagementNote.id_of_ours(engagement.id, redaction.id)
        its = await tx.select(EngagementNote, EngagementNote.c.engagement_id == engagement.id, lock=True)
        for note in its:
            if note.id == ours or (note.direction == "from_partner" and note.text in theirs):
                note.take_out(redaction.replacement)
        if engagement.resolution in theirs:
            engagement.resolution = redaction.instead
