"""What a case's facts call for: its clocks, the timers of its thresholds, the end of its escalations."""

from libs.store import Transaction
from services.escalation.model.case_file import THRESHOLD, CaseFile
from services.escalation.model.clock import readings
from services.escalation.model.clock_row import Clock, clock_id
from services.escalation.model.escalation import Escalation
from services.escalation.model.thresholds import Threshold, thresholds
from services.escalation.queries.settings_of_case import SettingsOfCase, settings_of
from services.escalation.reactions.end_escalation import end_escalation
from services.escalation.reactions.serve_desk import serve_desk


async def act_on(case: CaseFile, tx: Transaction) -> None:
    """Needs the case file locked. The same facts give the same rows, in whatever order they came."""
    if tx.rebuilding or case.opened_at is None:
        return
    settings_at = await settings_of(case, tx)
    await _tell_clocks(case, settings_at, tx)
    arm(case, settings_at, tx)
    if not case.is_worked:
        await _end_escalations(case, tx)
    await serve_desk(case, tx)


def arm(case: CaseFile, settings_at: SettingsOfCase, tx: Transaction) -> None:
    """One timer for each rule and percentage. What is overdue is left to its timer too: a fact that excuses it may be on its
    way."""
    wanted = {each.key: each.due_at for each in reversed(still_to_fire(case, settings_at))}
    for key in case.timers.keys() - wanted.keys():
        tx.cancel_timer(case, f"{THRESHOLD}:{key}")
    for key, due_at in wanted.items():
        if case.timers.get(key) != due_at:
            tx.set_timer(case, f"{THRESHOLD}:{key}", due_at)
    case.timers = dict(sorted(wanted.items()))


def still_to_fire(case: CaseFile, settings_at: SettingsOfCase) -> list[Threshold]:
    """The thresholds that have not fired, the earliest first."""
    found = thresholds(case.facts, settings_at, changes=settings_at.changes)
    return [each for each in found if each.mark not in case.breached]


async def _tell_clocks(case: CaseFile, settings_at: SettingsOfCase, tx: Transaction) -> None:
    found = readings(case.facts, settings_at, changes=settings_at.changes)
    known = await tx.find_many(Clock, [clock_id(case.id, reading) for reading in found], lock=True)
    for reading, before in zip(found, known, strict=True):
        version = settings_at.version(reading.severity, reading.ended_at)
        now = Clock.of(reading, case.id, case.account_id, version)
        events = now.told_anew(before, reading.first_due_at)
        if before is None:
            tx.add(now)
        else:
            before.redraw(now)
        for event in events:
            tx.emit(event)


async def _end_escalations(case: CaseFile, tx: Transaction) -> None:
    open_ones = await tx.select(
        Escalation, Escalation.c.case_id == case.id, Escalation.c.state != "resolved", lock=True
    )
    for escalation in open_ones:
        await end_escalation(escalation, f"The case was {case.state}.", tx, automatic=True)
