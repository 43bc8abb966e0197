"""Which fact brings about what."""

from libs.bus import Handlers, Replicas, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import CaseCancelled
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import (
    CalendarState,
    ContactErased,
    ContactState,
    CoverageDecided,
    SiteDaysState,
    SiteState,
)
from libs.events.gateway import PersonErased, PersonState
from libs.events.redaction import TAKES_OUT
from libs.events.rma import (
    DeliveryPromiseChanged,
    PartBackordered,
    PartDeadOnArrival,
    PartDelivered,
    PartLost,
    PartReserved,
    PartShipped,
    RmaCancelled,
    RmaDenied,
)
from libs.kit.forgetting import obey
from services.onsite.model.case_file import (
    PLAN_VISIT,
    SITE_CLOSED,
    VISIT_ANEW,
    VISIT_LATE,
    VISIT_MISSED,
    VISIT_OVER,
    VISIT_PUSHED,
    CaseFile,
    keep_refusals,
)
from services.onsite.model.closures import PlaceCalendar, SiteDays
from services.onsite.model.people import KEYS, KnownContact, KnownPerson, KnownSite
from services.onsite.model.technician import RETIRE, Technician
from services.onsite.reactions.follow_the_day import note_overrun, push_visit
from services.onsite.reactions.forget_contact import forget_contact
from services.onsite.reactions.forget_person import forget_person
from services.onsite.reactions.miss_visit import miss_visit, note_late_visit, plan_again
from services.onsite.reactions.note_closures import look_again, note_calendars, note_site_days
from services.onsite.reactions.note_facts import (
    note_cancelled_case,
    note_coverage,
    note_delivery,
    note_diagnosis,
    note_promise,
    note_stopped_part,
    note_withdrawal,
)
from services.onsite.reactions.retire_technician import plan_anew, retire, retire_later
from services.onsite.reactions.take_out import take_out_text

_CASE: Load = {CaseFile: "case_id"}

on = Handlers("onsite")
on(FaultDiagnosed, load=_CASE)(note_diagnosis)
on(DiagnosisWithdrawn, load=_CASE)(note_withdrawal)
on(CaseCancelled, load=_CASE)(note_cancelled_case)
on(CoverageDecided, load=_CASE)(note_coverage)
on(PartReserved, PartShipped, DeliveryPromiseChanged, load=_CASE)(note_promise)
on(PartDelivered, load=_CASE)(note_delivery)
on(RmaDenied, RmaCancelled, PartLost, PartDeadOnArrival, PartBackordered, load=_CASE)(note_stopped_part)
on(*TAKES_OUT, load=_CASE)(take_out_text)

projections = (Projection(CaseFile, keep={"diagnoses": keep_refusals}, emits=True),)

replicas = Replicas("onsite")
replicas.keep(KnownContact, of=ContactState)
obey(on, ContactErased, [KnownContact], of=replicas, besides=forget_contact)
replicas.keep(KnownSite, of=SiteState)
replicas.keep(PlaceCalendar, of=CalendarState, changed=note_calendars)
replicas.keep(SiteDays, of=SiteDaysState, changed=note_site_days)
replicas.keep(KnownPerson, of=PersonState, changed=retire_later, made=KEYS)
obey(on, PersonErased, [KnownPerson], of=replicas, besides=forget_person)

timers = Timers("onsite")
timers(CaseFile, VISIT_MISSED)(miss_visit)
timers(CaseFile, VISIT_LATE)(note_late_visit)
timers(CaseFile, VISIT_OVER)(note_overrun)
timers(CaseFile, VISIT_PUSHED)(push_visit)
timers(CaseFile, PLAN_VISIT)(plan_again)
timers(CaseFile, VISIT_ANEW)(plan_anew)
timers(CaseFile, SITE_CLOSED)(look_again)
timers(Technician, RETIRE)(retire)
