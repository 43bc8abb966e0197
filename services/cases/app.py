"""The service request, wired."""

from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.cases.handlers import on, replicas, timers
from services.cases.model.policy import policies
from services.cases.queries import case_contents, cases, followers, problems, proposed_keywords, queues, views
from services.cases.queries.open_work import cases_asked_by, cases_given_to
from services.cases.use_cases import (
    add_note,
    assign_case,
    attach_file,
    await_something,
    cancel_case,
    change_case,
    change_severity,
    close_case,
    confirm_works,
    correct_case,
    diagnose_fault,
    follow_case,
    hand_over_case,
    join_incident,
    keep_problem,
    keep_queue,
    keep_view,
    link_problem,
    merge_cases,
    open_case,
    override_coverage,
    provide_workaround,
    redact_text,
    reopen_case,
    request_partner_ticket,
    resolve_case,
    tell_all,
)

_ROOMS = (
    open_case,
    cases,
    change_case,
    correct_case,
    merge_cases,
    assign_case,
    hand_over_case,
    change_severity,
    add_note,
    tell_all,
    join_incident,
    attach_file,
    case_contents,
    follow_case,
    followers,
    diagnose_fault,
    await_something,
    provide_workaround,
    request_partner_ticket,
    override_coverage,
    resolve_case,
    confirm_works,
    close_case,
    reopen_case,
    cancel_case,
    redact_text,
    link_problem,
    keep_problem,
    problems,
    proposed_keywords,
    keep_queue,
    queues,
    keep_view,
    views,
)

service = Service(
    name="cases",
    routers=[*(room.router for room in _ROOMS), policy_router(policies)],
    handlers=on,
    timers=timers,
    replicas=replicas,
    open_work={"contact": cases_asked_by, "person": cases_given_to},
)
