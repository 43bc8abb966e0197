"""Event → reaction; due timer → reaction. No rules."""

from libs.bus import Handlers, Timers
from libs.bus.projections import Projection
from libs.bus.redaction import take_out
from libs.events.cases import (
    CaseCancelled,
    CaseClosed,
    CaseCorrected,
    CaseOpened,
    CaseReopened,
    CoverageOverridden,
    CoverageOverrideWithdrawn,
)
from libs.events.redaction import TAKES_OUT
from libs.events.rma import ReplacementInstalled
from services.entitlements.model import contract, licence
from services.entitlements.model.account import Account
from services.entitlements.model.case_file import DECIDE_AGAIN, CaseFile
from services.entitlements.model.contract import Contract
from services.entitlements.model.licence import Licence
from services.entitlements.model.registration import PUBLISH, Replacement
from services.entitlements.reactions import follow_case, run_contract, run_licence
from services.entitlements.reactions.decide_coverage import decide_by_timer
from services.entitlements.reactions.follow_replacement import follow_replacement
from services.entitlements.reactions.publish_registrations import publish_by_timer

on = Handlers("entitlements")
on(CaseOpened, load={Account: "account_id", CaseFile: "case_id"})(follow_case.answer_case)
on(CaseCorrected, load={CaseFile: "case_id"})(follow_case.answer_correction)
on(CaseReopened, load={CaseFile: "case_id"})(follow_case.answer_reopened_case)
on(CaseClosed, CaseCancelled, load={CaseFile: "case_id"})(follow_case.note_end_of_case)
on(CoverageOverridden, load={CaseFile: "case_id"})(follow_case.answer_override)
on(CoverageOverrideWithdrawn, load={CaseFile: "case_id"})(follow_case.answer_withdrawn_override)
on(ReplacementInstalled, load={Replacement: "rma_id"})(follow_replacement)
on(*TAKES_OUT)(take_out)

projections = (
    Projection(CaseFile, own=("coverage", "decided", "decisions"), emits=True),
    Projection(Replacement, own=("applied",)),
)

timers = Timers("entitlements")
timers(Contract, contract.BEGIN)(run_contract.begin_contract)
timers(Contract, contract.EXPIRING)(run_contract.tell_expiring)
timers(Contract, contract.END)(run_contract.end_by_term)
timers(Account, PUBLISH)(publish_by_timer)
timers(CaseFile, DECIDE_AGAIN)(decide_by_timer)
timers(Licence, licence.EXPIRING)(run_licence.tell_expiring)
timers(Licence, licence.END)(run_licence.end_licence)
