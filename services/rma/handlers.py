"""Event → use case; due timer → use case; job → call and record."""

from libs.bus import Handlers, Jobs, Timers
from libs.bus.handlers import Load
from libs.bus.projections import Projection
from libs.events.cases import CaseCancelled, CaseOpened, SeverityChanged
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import Rma
from services.rma.model.shipment import Shipment
from services.rma.model.stock import Stock
from services.rma.reactions.await_return import invoice, mark_overdue, remind
from services.rma.reactions.close_rma import close_by_time
from services.rma.reactions.follow_parcel import follow_what_was_heard
from services.rma.reactions.note_facts import (
    note_case,
    note_coverage,
    note_severity,
    note_that_no_technician_comes,
    note_visit,
    open_rma_for_diagnosed_part,
    stop_rmas_of_cancelled_case,
    stop_rmas_of_withdrawn_diagnosis,
)
from services.rma.reactions.order_labels import buy_label, record_label, record_refusal
from services.rma.reactions.renew_promise import miss_contract, renew_promise
from services.rma.reactions.serve_backorders import serve_backorders

_A_WEEK = 10_000  # attempts, a minute apart; then the depot can still ship with a label of its own
_FILE: Load = {CaseFile: "case_id"}

on = Handlers("rma")
on(CaseOpened, load=_FILE)(note_case)
on(SeverityChanged, load=_FILE)(note_severity)
on(CoverageDecided, load=_FILE)(note_coverage)
on(FaultDiagnosed, load=_FILE)(open_rma_for_diagnosed_part)
on(DiagnosisWithdrawn, load=_FILE)(stop_rmas_of_withdrawn_diagnosis)
on(CaseCancelled, load=_FILE)(stop_rmas_of_cancelled_case)
on(OnsiteNotCovered, load=_FILE)(note_that_no_technician_comes)
on(VisitCompleted, VisitFailed, VisitCancelled, load=_FILE)(note_visit)

projections = (Projection(CaseFile),)

timers = Timers("rma")
timers(Rma, "contract_due")(miss_contract)
timers(Rma, "forecast")(renew_promise)
timers(Rma, "return_reminder")(remind)
timers(Rma, "return_overdue")(mark_overdue)
timers(Rma, "return_invoice")(invoice)
timers(Rma, "carrier_news")(follow_what_was_heard)
timers(Rma, "close")(close_by_time)
timers(Stock, "serve_backorders")(serve_backorders)

jobs = Jobs("rma")
jobs.on(Shipment, "buy_label", call=buy_label, done=record_label, failed=record_refusal, attempts=_A_WEEK)
