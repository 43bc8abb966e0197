"""Which event has which effect, and which timer."""

from libs.bus import Handlers, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import (
    CancellationDeclined,
    CancellationRequested,
    CaseAssigned,
    CaseCancelled,
    CaseClosed,
    CaseOpened,
    CasePending,
    CaseReopened,
    CaseResolved,
    CaseResumed,
    SeverityChanged,
)
from libs.events.cases_work import (
    DiagnosisWithdrawn,
    FaultDiagnosed,
    FirstResponseSent,
    InternalNoteAdded,
    NoteAdded,
    WorkaroundProvided,
)
from libs.events.ecps import PartnerSilent
from libs.events.entitlements import CoverageDecided
from libs.events.rma import DeliveryPromiseMissed
from libs.events.rma_returns import RepeatReplacementDetected
from services.escalation.model.case_file import CaseFile, keep_requests
from services.escalation.model.escalation import Escalation
from services.escalation.reactions import follow_case as case
from services.escalation.reactions import follow_neighbours as neighbours
from services.escalation.reactions.act_on_case import THRESHOLD, pass_threshold, recompute
from services.escalation.reactions.in_force import RECOMPUTE
from services.escalation.reactions.raise_escalation import SILENCE, STEP
from services.escalation.reactions.step_on import notice_silence, step_on

FILE: Load = {CaseFile: "case_id"}

on = Handlers("escalation")
on(CaseOpened, load=FILE)(case.start_clocks)
on(SeverityChanged, load=FILE)(case.change_severity)
on(CaseAssigned, load=FILE)(case.note_assignee)
on(FirstResponseSent, load=FILE)(case.note_first_response)
on(NoteAdded, load=FILE)(case.note_note)
on(InternalNoteAdded, load=FILE)(case.note_internal_work)
on(WorkaroundProvided, load=FILE)(case.note_workaround)
on(CasePending, load=FILE)(case.begin_wait)
on(CaseResumed, load=FILE)(case.end_wait)
on(FaultDiagnosed, load=FILE)(case.note_diagnosis)
on(DiagnosisWithdrawn, load=FILE)(case.withdraw_diagnosis)
on(CancellationRequested, load=FILE)(case.note_cancellation_request)
on(CancellationDeclined, load=FILE)(case.note_declined_cancellation)
on(CaseResolved, load=FILE)(case.meet_clocks)
on(CaseReopened, load=FILE)(case.begin_new_epoch)
on(CaseClosed, load=FILE)(case.end_with_closed_case)
on(CaseCancelled, load=FILE)(case.end_with_cancelled_case)
on(CoverageDecided, load=FILE)(neighbours.choose_policy_by_cover)
on(DeliveryPromiseMissed, load=FILE)(neighbours.note_missed_contract_date)
on(RepeatReplacementDetected, load=FILE)(neighbours.note_repeat_replacement)
on(PartnerSilent, load=FILE)(neighbours.note_silent_partner)

projections = (Projection(CaseFile, own=("timers", "breached"), keep={"facts": keep_requests}, emits=True),)

timers = Timers("escalation")
timers(CaseFile, THRESHOLD)(pass_threshold)
timers(CaseFile, RECOMPUTE)(recompute)
timers(Escalation, STEP)(step_on)
timers(Escalation, SILENCE)(notice_silence)
