"""Event → reaction; due timer → reaction; job → call and record. No rules."""

from libs.bus import Handlers, Jobs, Replicas, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import CaseCancelled, CaseClosed, CaseCorrected, CaseOpened, CaseReopened, CaseResolved
from libs.events.cases_work import (
    DiagnosisWithdrawn,
    FaultDiagnosed,
    NoteAdded,
    PartnerConsentWithdrawn,
    PartnerTicketRequested,
)
from libs.events.entitlements import ContactErased, ContactState, CoverageDecided
from libs.events.gateway import PersonErased, PersonState
from libs.events.redaction import TAKES_OUT
from libs.kit.forgetting import obey
from services.ecps.model.agreement import BEGINS, Agreement
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import (
    CHECK,
    CHECK_TICKET,
    END_TICKET,
    LOOK_AGAIN,
    LOOK_UP,
    OPEN_TICKET,
    RETRY,
    SILENT,
    Engagement,
)
from services.ecps.model.engagement_note import SEND_NOTE, EngagementNote
from services.ecps.model.joint_call import FORGET_PEOPLE, JointCall
from services.ecps.model.partner import REFUSED, TRY_AGAIN, Partner
from services.ecps.model.people import KnownContact, KnownPerson
from services.ecps.reactions import check_ticket, follow_case, record_opening, submit_ticket
from services.ecps.reactions.await_partner import call_next_level
from services.ecps.reactions.decide_eligibility import retry_unreachable
from services.ecps.reactions.end_ticket import record_end_not_told, record_end_told, tell_end
from services.ecps.reactions.forget_people import forget_people
from services.ecps.reactions.forward_note import forward_note
from services.ecps.reactions.mend_credentials import tell_refused, try_again
from services.ecps.reactions.send_note import note_to_tell, record_note_not_told, record_note_told, tell_note
from services.ecps.reactions.take_out import take_out_text
from services.ecps.reactions.use_agreement import use_from_first_day

_CASE: Load = {CaseFile: "case_id"}

on = Handlers("ecps")
on(CaseOpened, load=_CASE)(follow_case.note_case)
on(CaseCorrected, load=_CASE)(follow_case.note_correction)
on(CoverageDecided, load=_CASE)(follow_case.note_coverage)
on(FaultDiagnosed, load=_CASE)(follow_case.note_diagnosis)
on(DiagnosisWithdrawn, load=_CASE)(follow_case.note_withdrawal)
on(PartnerTicketRequested, load=_CASE)(follow_case.note_request)
on(PartnerConsentWithdrawn, load=_CASE)(follow_case.note_withdrawn_consent)
on(NoteAdded, load=_CASE)(forward_note)
on(CaseResolved, load=_CASE)(follow_case.note_resolution)
on(CaseReopened, load=_CASE)(follow_case.note_reopening)
on(CaseClosed, load=_CASE)(follow_case.note_closure)
on(CaseCancelled, load=_CASE)(follow_case.note_cancellation)
on(*TAKES_OUT, load=_CASE)(take_out_text)

projections = (Projection(CaseFile),)

replicas = Replicas("ecps")
replicas.keep(KnownContact, of=ContactState)
replicas.keep(KnownPerson, of=PersonState)
obey(on, ContactErased, [KnownContact], of=replicas)
obey(on, PersonErased, [KnownPerson], of=replicas)

timers = Timers("ecps")
timers(Engagement, SILENT)(call_next_level)
timers(Engagement, LOOK_AGAIN)(record_opening.look_again)
timers(Engagement, CHECK)(check_ticket.check)
timers(Engagement, RETRY)(retry_unreachable)
timers(Partner, REFUSED)(tell_refused)
timers(Partner, TRY_AGAIN)(try_again)
timers(Agreement, BEGINS)(use_from_first_day)
timers(JointCall, FORGET_PEOPLE)(forget_people)

jobs = Jobs("ecps")
jobs.on(
    Engagement,
    OPEN_TICKET,
    prepare=submit_ticket.ticket_to_open,
    call=submit_ticket.open_ticket,
    done=record_opening.record_answer,
    failed=record_opening.record_unreachable,
)
jobs.on(
    Engagement,
    LOOK_UP,
    prepare=submit_ticket.address_now,
    call=submit_ticket.look_up_ticket,
    done=record_opening.record_look_up,
    failed=record_opening.record_no_look_up,
)
jobs.on(
    Engagement,
    CHECK_TICKET,
    prepare=submit_ticket.address_now,
    call=check_ticket.look_for_ticket,
    done=check_ticket.record_check,
    failed=check_ticket.record_no_check,
)
jobs.on(
    Engagement,
    END_TICKET,
    prepare=submit_ticket.address_now,
    call=tell_end,
    done=record_end_told,
    failed=record_end_not_told,
    attempts=20,
)
jobs.on(
    EngagementNote,
    SEND_NOTE,
    prepare=note_to_tell,
    call=tell_note,
    done=record_note_told,
    failed=record_note_not_told,
    attempts=20,
)
