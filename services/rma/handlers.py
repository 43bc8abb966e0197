"""Event → reaction; due timer → reaction; job → call and reaction."""

from libs.bus import Handlers, Jobs, Replicas, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import CaseCancelled, CaseOpened, SeverityChanged
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import (
    CalendarState,
    ContactErased,
    ContactState,
    CoverageDecided,
    SiteDaysState,
    SiteState,
)
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed
from libs.events.redaction import TAKES_OUT
from libs.kit.forgetting import obey
from services.rma.model import rma
from services.rma.model.case_file import CaseFile
from services.rma.model.people import KnownContact, KnownSite
from services.rma.model.places import PlaceCalendar, SiteDays
from services.rma.model.rma import Rma
from services.rma.model.shipment import BUY_LABEL, Shipment
from services.rma.model.stock import SERVE_BACKORDERS, Stock
from services.rma.reactions.await_return import invoice, mark_overdue, remind
from services.rma.reactions.buy_label import buy_label, record_label, record_refused_label
from services.rma.reactions.close_rma import close_by_time
from services.rma.reactions.follow_parcel import follow_what_was_heard
from services.rma.reactions.forget_contact import forget_contact
from services.rma.reactions.note_facts import (
    note_cancellation,
    note_case,
    note_coverage,
    note_diagnosis,
    note_no_visit,
    note_severity,
    note_visit,
    note_withdrawal,
)
from services.rma.reactions.order_labels import booking, call_the_carrier, note_addresses
from services.rma.reactions.renew_promise import miss_contract, note_calendars, note_site_days, renew_promise
from services.rma.reactions.serve_backorders import serve_backorders
from services.rma.reactions.take_out import take_out_text

# Attempts, a minute apart: about a week. Then the depot can still ship with a label of its own.
_A_WEEK = 10_000
_FILE: Load = {CaseFile: "case_id"}

on = Handlers("rma")
on(CaseOpened, load=_FILE)(note_case)
on(SeverityChanged, load=_FILE)(note_severity)
on(CoverageDecided, load=_FILE)(note_coverage)
on(FaultDiagnosed, load=_FILE)(note_diagnosis)
on(DiagnosisWithdrawn, load=_FILE)(note_withdrawal)
on(CaseCancelled, load=_FILE)(note_cancellation)
on(OnsiteNotCovered, load=_FILE)(note_no_visit)
on(VisitCompleted, VisitFailed, VisitCancelled, load=_FILE)(note_visit)
on(*TAKES_OUT, load=_FILE)(take_out_text)

projections = (Projection(CaseFile),)

replicas = Replicas("rma")
replicas.keep(KnownContact, of=ContactState, changed=note_addresses)
replicas.keep(KnownSite, of=SiteState, changed=note_addresses)
replicas.keep(PlaceCalendar, of=CalendarState, changed=note_calendars)
replicas.keep(SiteDays, of=SiteDaysState, changed=note_site_days)
obey(on, ContactErased, [KnownContact], of=replicas, besides=forget_contact)

timers = Timers("rma")
timers(Rma, rma.CONTRACT_DUE)(miss_contract)
timers(Rma, rma.FORECAST)(renew_promise)
timers(Rma, rma.RETURN_REMINDER)(remind)
timers(Rma, rma.RETURN_OVERDUE)(mark_overdue)
timers(Rma, rma.RETURN_INVOICE)(invoice)
timers(Rma, rma.CARRIER_NEWS)(follow_what_was_heard)
timers(Rma, rma.ADDRESS_CAME)(call_the_carrier)
timers(Rma, rma.CLOSE)(close_by_time)
timers(Stock, SERVE_BACKORDERS)(serve_backorders)

jobs = Jobs("rma")
jobs.on(
    Shipment,
    BUY_LABEL,
    prepare=booking,
    call=buy_label,
    done=record_label,
    failed=record_refused_label,
    attempts=_A_WEEK,
)
