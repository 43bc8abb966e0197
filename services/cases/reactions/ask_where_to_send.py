"""A part is called for and nobody knows where it is to go: the customer is asked, and no site is guessed."""

from datetime import datetime
from uuid import UUID

from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.actor import SYSTEM
from services.cases.model.case import Case
from services.cases.model.case_values import Wait
from services.cases.model.diagnosis import Diagnosis
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.wording import say
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.publish_note import note_of


async def ask_where_to_send(case: Case, tx: Transaction, *, at: datetime, by: str) -> None:
    """Asks once for each diagnosis that stands, and asks no more once the site is known. `at` and `by` are those of what was heard."""
    asked = [wait for wait in case.waits if wait.stands and _asks(wait)]
    wanted = case.state in WORKABLE and case.coverage.status == "covered" and case.site_id is None
    if not (asked or wanted):
        return
    await tx.flush()
    diagnoses = await tx.select(Diagnosis, Diagnosis.c.case_id == case.id)
    standing = {each.id: each for each in diagnoses if each.stands and each.calls_for_a_part}
    over = [wait for wait in asked if case.site_id or wait.cause_id not in standing]
    case.end_waits(over, at=at, by=by, reason=_WHY[case.site_id is not None])
    text = say("where_to_send", case.language)
    new = [each for each in standing.values() if wanted and not any(w.id == _id(each.id) for w in case.waits)]
    for each in new:
        since = max(at, each.diagnosed_at)
        case.begin_wait(_id(each.id), "customer", since=since, by=SYSTEM.by, cause_id=each.id, note=text)
    if new:
        note_of(case, tx, text, SYSTEM, "public")
    if over or new:
        await act_on(case, tx, at=at, by=by, reason=text if new else _WHY[case.site_id is not None])


_WHY = {True: "the site is known", False: "no part is called for any more"}


def _id(diagnosis_id: UUID) -> UUID:
    return derived(diagnosis_id, "where to send")


def _asks(wait: Wait) -> bool:
    return wait.cause_id is not None and wait.id == _id(wait.cause_id)
