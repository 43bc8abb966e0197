"""A text that was taken out of a case goes from all that is kept of it here, and is told to no partner any more."""

from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.redaction import Redaction
from libs.kit.case_files import case_file
from libs.kit.forgetting import forget_answers_that_say
from libs.kit.taking_out import take_words_out
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.joint_call import JointCall


async def take_out_text(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    """Also what a partner said, where a note of the case told it again: its own event says which of their words that was."""
    case, redaction = await case_file(CaseFile, event.case_id, tx), Redaction.of(event)
    words = await take_words_out(event, tx, Engagement, JointCall, copy=CaseFile)
    case.take_out(redaction)
    if tx.rebuilding:
        return
    for engagement in await tx.select(
        Engagement, Engagement.c.case_id == case.id, order_by=(Engagement.c.id,), lock=True
    ):
        ours = EngagementNote.id_of_ours(engagement.id, redaction.id)
        its = await tx.select(EngagementNote, EngagementNote.c.engagement_id == engagement.id, lock=True)
        for note in its:
            if note.id == ours or note.text in words or note.said_at == redaction.said_at:
                # Its answer names the engagement.
                await forget_answers_that_say([note.text or ""], [engagement.id], tx)
                note.take_out(redaction.replacement)
