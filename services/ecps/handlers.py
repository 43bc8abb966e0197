"""Event → use case; due timer → use case; job → call and record."""

from libs.bus import Handlers, Jobs, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import CaseCancelled, CaseClosed, CaseOpened, CaseReopened, CaseResolved
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed, NoteAdded, PartnerTicketRequested
from libs.events.entitlements import CoverageDecided
from services.ecps.model.agreement import Agreement
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.use_cases.await_partner import call_next_level
from services.ecps.use_cases.consider import retry_unreachable
from services.ecps.use_cases.end_ticket import record_end_not_told, record_end_told, tell_end
from services.ecps.use_cases.follow_case import (
    note_cancellation,
    note_case,
    note_closure,
    note_coverage,
    note_diagnosis,
    note_reopening,
    note_request,
    note_resolution,
    note_withdrawal,
)
from services.ecps.use_cases.keep_agreements import begin
from services.ecps.use_cases.record_ticket import (
    reconcile,
    record_answer,
    record_look_up,
    record_no_look_up,
    record_unreachable,
)
from services.ecps.use_cases.send_note import record_note_not_told, record_note_told, tell_note
from services.ecps.use_cases.submit_ticket import look_up_ticket, open_ticket
from services.ecps.use_cases.tell_partner import forward_note

_FILE: Load = {CaseFile: "case_id"}

on = Handlers("ecps")
on(CaseOpened, load=_FILE)(note_case)
on(CoverageDecided, load=_FILE)(note_coverage)
on(FaultDiagnosed, load=_FILE)(note_diagnosis)
on(DiagnosisWithdrawn, load=_FILE)(note_withdrawal)
on(PartnerTicketRequested, load=_FILE)(note_request)
on(NoteAdded, load=_FILE)(forward_note)
on(CaseResolved, load=_FILE)(note_resolution)
on(CaseReopened, load=_FILE)(note_reopening)
on(CaseClosed, load=_FILE)(note_closure)
on(CaseCancelled, load=_FILE)(note_cancellation)

projections = (Projection(CaseFile),)

timers = Timers("ecps")
timers(Engagement, "silent")(call_next_level)
timers(Engagement, "reconcile")(reconcile)
timers(Engagement, "retry")(retry_unreachable)
timers(Agreement, "begins")(begin)

jobs = Jobs("ecps")
jobs.on(Engagement, "open_ticket", call=open_ticket, done=record_answer, failed=record_unreachable)
jobs.on(Engagement, "look_up", call=look_up_ticket, done=record_look_up, failed=record_no_look_up)
jobs.on(Engagement, "end_ticket", call=tell_end, done=record_end_told, failed=record_end_not_told, attempts=20)
jobs.on(EngagementNote, "send_note", call=tell_note, done=record_note_told, failed=record_note_not_told, attempts=20)
