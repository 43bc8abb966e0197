"""Event or timer → reaction; no rules."""

from libs.bus import Handlers, Replicas, Timers
from libs.bus.handlers import Load
from libs.events.devices import DeviceAlertCleared, DeviceAlertRaised, DiagnosticsCollected
from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketMissing,
    PartnerTicketNotOpenable,
    PartnerTicketOpened,
    PartnerTicketReopened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
    PartnerTicketWithdrawn,
)
from libs.events.entitlements import ContactErased, ContactState, CoverageDecided, RegistrationState, SiteState
from libs.events.escalation import AssigneeProposed, ClockMet, ClockPaused, ClockResumed, ClockStarted, ClockStopped
from libs.events.gateway import PersonErased, PersonState
from libs.events.onsite import (
    OnsiteNotCovered,
    TechnicianDelayed,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitMissed,
    VisitRescheduled,
    VisitScheduled,
)
from libs.events.rma import PartDelivered, PartLost, PartRefused, PartShipped, ReplacementInstalled, RmaDenied
from libs.kit.forgetting import obey
from services.cases.model.alert import DeviceAlert
from services.cases.model.attachment import REMOVE, Attachment
from services.cases.model.case import AUTO_CLOSE, PASS_ON, SHIFT, SILENCE, Case
from services.cases.model.follower import PART
from services.cases.model.note import COPIES, Note
from services.cases.model.people import KnownContact, KnownPerson, KnownSite, KnownUnit
from services.cases.model.queue import DUTY, REROUTE, Queue
from services.cases.reactions.answer_children import ANSWERED, children_answered
from services.cases.reactions.close_resolved_case import close_when_nobody_objected
from services.cases.reactions.end_shift import watch_duty
from services.cases.reactions.follow_case import note_people, part, part_later
from services.cases.reactions.follow_clock import end_clock, keep_clock
from services.cases.reactions.follow_coverage import note_coverage
from services.cases.reactions.follow_device import note_alert_cleared, note_diagnostics, open_or_join_case
from services.cases.reactions.follow_part import end_wait_for_part, note_denied_replacement, wait_for_part
from services.cases.reactions.follow_partner import (
    ask_for_the_partner,
    end_wait_for_partner,
    note_no_ticket,
    relay_update,
    wait_again,
    wait_for_partner,
)
from services.cases.reactions.follow_proposal import follow_proposal
from services.cases.reactions.follow_visit import (
    end_visit_completed,
    end_visit_without_success,
    note_delay,
    note_no_visit,
    wait_for_visit,
)
from services.cases.reactions.forget_contact import forget_contact
from services.cases.reactions.forget_person import forget_person
from services.cases.reactions.join_announced import JOIN, join_announced
from services.cases.reactions.pass_on import pass_on
from services.cases.reactions.remove_bytes import remove_bytes
from services.cases.reactions.route_case import follow_the_sun, reroute
from services.cases.reactions.tell_children import TELL, tell_children
from services.cases.reactions.watch_silence import remind_or_resolve
from services.cases.use_cases.redact_text import redact_copies

on = Handlers("cases")
timers = Timers("cases")
_CASE: Load = {Case: "case_id"}

on(CoverageDecided, load=_CASE)(note_coverage)

on(ClockStarted, ClockPaused, ClockResumed, load=_CASE)(keep_clock)
on(ClockMet, ClockStopped, load=_CASE)(end_clock)

on(AssigneeProposed, load=_CASE)(follow_proposal)

on(RmaDenied, load=_CASE)(note_denied_replacement)
on(PartShipped, load=_CASE)(wait_for_part)
on(PartDelivered, PartLost, PartRefused, ReplacementInstalled, load=_CASE)(end_wait_for_part)

on(PartnerTicketOpened, load=_CASE)(wait_for_partner)
on(PartnerTicketNotOpenable, load=_CASE)(note_no_ticket)
on(PartnerTicketUpdated, load=_CASE)(relay_update)
on(PartnerTicketReopened, load=_CASE)(wait_again)
on(PartnerInformationRequired, load=_CASE)(ask_for_the_partner)
on(PartnerTicketResolved, PartnerTicketClosed, PartnerTicketWithdrawn, PartnerTicketMissing, load=_CASE)(
    end_wait_for_partner
)

on(OnsiteNotCovered, load=_CASE)(note_no_visit)
on(VisitScheduled, VisitRescheduled, load=_CASE)(wait_for_visit)
on(TechnicianDelayed, load=_CASE)(note_delay)
on(VisitCompleted, load=_CASE)(end_visit_completed)
on(VisitFailed, VisitMissed, VisitCancelled, load=_CASE)(end_visit_without_success)

on(DeviceAlertRaised, load={DeviceAlert: "alert_id"})(open_or_join_case)
on(DeviceAlertCleared, load={DeviceAlert: "alert_id"})(note_alert_cleared)
on(DiagnosticsCollected, load=_CASE)(note_diagnostics)

replicas = Replicas("cases")
replicas.keep(KnownPerson, of=PersonState, changed=note_people)
replicas.keep(KnownContact, of=ContactState, changed=part_later)
replicas.keep(KnownSite, of=SiteState)
replicas.keep(KnownUnit, of=RegistrationState)
obey(on, ContactErased, [KnownContact], of=replicas, besides=forget_contact)
obey(on, PersonErased, [KnownPerson], of=replicas, besides=forget_person)

timers(Case, AUTO_CLOSE)(close_when_nobody_objected)
timers(Case, SHIFT)(follow_the_sun)
timers(Case, SILENCE)(remind_or_resolve)
timers(Case, PASS_ON)(pass_on)
timers(Case, ANSWERED)(children_answered)
timers(Case, PART)(part)
timers(Case, JOIN)(join_announced)
timers(Case, TELL)(tell_children)
timers(Note, COPIES)(redact_copies)
timers(Queue, REROUTE)(reroute)
timers(Queue, DUTY)(watch_duty)
timers(Attachment, REMOVE)(remove_bytes)
