"""Which event has which effect, and which timer."""

from libs.bus import Handlers, Replicas, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import (
    CancellationDeclined,
    CancellationRequested,
    CancellationWithdrawn,
    CaseAssigned,
    CaseCancelled,
    CaseClosed,
    CaseCorrected,
    CaseOpened,
    CasePending,
    CaseReopened,
    CaseResolved,
    CaseResumed,
    CaseRouted,
    CasesMerged,
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
from libs.events.gateway import PersonErased, PersonState
from libs.events.redaction import TAKES_OUT
from libs.events.rma import DeliveryPromiseMissed
from libs.events.rma_returns import RepeatReplacementDetected
from libs.kit.forgetting import obey
from services.escalation.model.case_file import GO_ON, IDLE, LAPSE, RECOMPUTE, THRESHOLD, CaseFile, keep_requests
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.escalation import JOINED, SILENCE, STEP, SUCCESSION, UNANSWERED, Escalation
from services.escalation.model.escalation_policy import EscalationPolicy
from services.escalation.model.expert import Expert
from services.escalation.model.known_person import KEYS, KnownPerson
from services.escalation.model.people import Team
from services.escalation.model.proposal import FILL, WaitingLine
from services.escalation.model.rota import GAP, Rota
from services.escalation.reactions import follow_case, follow_merge, follow_neighbours
from services.escalation.reactions.breach_threshold import pass_threshold
from services.escalation.reactions.end_escalation import tell_joined
from services.escalation.reactions.fill_queue import fill, lapse
from services.escalation.reactions.follow_assignment import note_assignee, note_language, note_queue
from services.escalation.reactions.follow_desk import leave_desk
from services.escalation.reactions.forget_person import forget_person
from services.escalation.reactions.pass_on import (
    pass_on_calls,
    pass_on_escalation,
    pass_on_later,
    pass_on_place,
    pass_on_turns,
    retire_expert,
)
from services.escalation.reactions.recompute import recompute
from services.escalation.reactions.step_on import call_unanswered, notice_silence, step_on
from services.escalation.reactions.take_back import take_back
from services.escalation.reactions.take_out import take_out_text
from services.escalation.reactions.watch_gaps import tell_gaps

_CASE: Load = {CaseFile: "case_id"}

on = Handlers("escalation")
on(CaseOpened, load=_CASE)(follow_case.start_clocks)
on(SeverityChanged, load=_CASE)(follow_case.change_severity)
on(CaseAssigned, load=_CASE)(note_assignee)
on(CaseRouted, load=_CASE)(note_queue)
on(CaseCorrected, load=_CASE)(note_language)
on(FirstResponseSent, load=_CASE)(follow_case.note_first_response)
on(NoteAdded, load=_CASE)(follow_case.note_note)
on(InternalNoteAdded, load=_CASE)(follow_case.note_internal_work)
on(WorkaroundProvided, load=_CASE)(follow_case.note_workaround)
on(CasePending, load=_CASE)(follow_case.begin_wait)
on(CaseResumed, load=_CASE)(follow_case.end_wait)
on(FaultDiagnosed, load=_CASE)(follow_case.note_diagnosis)
on(DiagnosisWithdrawn, load=_CASE)(follow_case.withdraw_diagnosis)
on(CancellationRequested, load=_CASE)(follow_case.note_cancellation_request)
on(CancellationDeclined, load=_CASE)(follow_case.note_declined_cancellation)
on(CancellationWithdrawn, load=_CASE)(follow_case.note_withdrawn_cancellation)
on(CaseResolved, load=_CASE)(follow_case.meet_clocks)
on(CaseReopened, load=_CASE)(follow_case.begin_new_epoch)
on(CasesMerged, load={CaseFile: "into"})(follow_merge.go_on_with_survivor)
on(CaseClosed, load=_CASE)(follow_case.end_with_closed_case)
on(CaseCancelled, load=_CASE)(follow_case.end_with_cancelled_case)
on(CoverageDecided, load=_CASE)(follow_neighbours.choose_policy_by_cover)
on(DeliveryPromiseMissed, load=_CASE)(follow_neighbours.note_missed_contract_date)
on(RepeatReplacementDetected, load=_CASE)(follow_neighbours.note_repeat_replacement)
on(PartnerSilent, load=_CASE)(follow_neighbours.note_silent_partner)
on(*TAKES_OUT)(take_out_text)

_OWN = ("timers", "breached", "proposed", "idle_at", "passed_over")
projections = (Projection(CaseFile, own=_OWN, keep={"facts": keep_requests}, emits=True),)

replicas = Replicas("escalation")
replicas.keep(KnownPerson, of=PersonState, changed=pass_on_later, made=KEYS)
obey(on, PersonErased, [KnownPerson], of=replicas, besides=forget_person)

timers = Timers("escalation")
timers(CaseFile, THRESHOLD)(pass_threshold)
timers(CaseFile, RECOMPUTE)(recompute)
timers(CaseFile, GO_ON)(follow_merge.go_on)
timers(CaseFile, LAPSE)(lapse)
timers(CaseFile, IDLE)(take_back)
timers(WaitingLine, FILL)(fill)
timers(DeskMember, SUCCESSION)(leave_desk)
timers(Escalation, STEP)(step_on)
timers(Escalation, UNANSWERED)(call_unanswered)
timers(Escalation, SILENCE)(notice_silence)
timers(Escalation, JOINED)(tell_joined)
timers(Escalation, SUCCESSION)(pass_on_escalation)
timers(Expert, SUCCESSION)(retire_expert)
timers(Rota, SUCCESSION)(pass_on_turns)
timers(Rota, GAP)(tell_gaps)
timers(Team, SUCCESSION)(pass_on_place)
timers(EscalationPolicy, SUCCESSION)(pass_on_calls)
