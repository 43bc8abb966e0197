"""Everything that somebody types can be taken out: of each text of a fact, and of each text that a command takes, it is said how."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.services import SERVICES
from libs.events.catalogue import published
from libs.events.redaction import TYPED, Redaction, addressed
from libs.events.schemas import schema_of
from tests.contract.test_no_person import texts
from tests.contract.test_texts import refuses, routes_of, service_named
from tests.support.texts import texts_of

SAMPLES = Path(__file__).parent / "samples"
EVENTS = {event.contract.name: event for event in published().values()}
NEVER_TYPED = re.compile(
    r"""(^|\.)(
        by | diagnosed_by | account_name | partner_name | account\.name | (resellers|partner_contact)\.\w+      # who
      | number | \w+_number | ticket_number | reference | \w+_reference | tracking | part_number | substitute_for | external_identifiers\.\w+
      | serial | serials(_in|_out)? | \w+_serial | serial_(in|out) | skills | component | fault_code | closing_code | tags | added | removed | queue | previous_queue | rota | shift
      | plan | features | options | software | family | model | firmware | affected_from | \w+_revision | fix_release | release | carrier | rule
      | families | countries | product_numbers | city | region | country | time_zone | opens | closes | published_cut_off | currency | \w*url | changed | results\.test
      | cause | reasons\.(code|text) | onsite_reason | paid_path | partner_state
    )$""",
    re.VERBOSE,
)
"""Ids, numbers and names of things, codes, and sentences that we made."""
CODES = {
    "breach-joined.reason", "case-routed.reason", "clock-stopped.reason", "coverage-decided.reason", "escalation-raised.reason",
    "escalation-stepped.reasons", "onsite-not-covered.reason", "rma-requested.reason",
    "rma-closed.outcome", "rma-denied.reason", "threshold-breached.explanation",
}  # fmt: skip
"""Reasons, too, that are codes or sentences of ours alone."""
OF_NO_CASE = {
    "announcement-updated.title.vi", "announcement-updated.title.en", "announcement-updated.text.vi", "announcement-updated.text.en",
    "problem-updated.symptom", "problem-updated.root_cause", "problem-updated.workaround", "problem-updated.response_reason",
    "text-redacted.reason", "text-redacted.replacement", "internal-text-redacted.reason", "internal-text-redacted.replacement",
}  # fmt: skip
"""A problem belongs to no case: its newest text is a PATCH away, and docs/redaction.md says what stays. Why something was taken out
stays for ever, as the command says."""

BY_ID = {
    "POST /v1/cases",
    "PATCH /v1/cases/{case_id}",
    "POST /v1/cases/{case_id}/hand-over",
    "POST /v1/cases/{case_id}/notes",
    "POST /v1/cases/{case_id}/children/notes",
    "POST /v1/cases/{case_id}/works",
    "POST /v1/cases/{case_id}/diagnoses",
    "POST /v1/cases/{case_id}/waits",
    "POST /v1/cases/{case_id}/resolve",
    "POST /v1/cases/{case_id}/satisfaction",
    "POST /v1/cases/{case_id}/time-entries",
}
"""Commands about a case of which the text gets an id, or is the case's own."""
BY_FACT = {
    "POST /v1/cases/{case_id}/assign",
    "POST /v1/cases/bulk",
    "POST /v1/cases/{case_id}/severity",
    "POST /v1/cases/{case_id}/diagnoses/{diagnosis_id}/withdraw",
    "POST /v1/cases/{case_id}/waits/{wait_id}/end",
    "POST /v1/cases/{case_id}/workaround",
    "POST /v1/cases/{case_id}/partner-ticket-request",
    "POST /v1/cases/{case_id}/coverage-override",
    "POST /v1/cases/{case_id}/coverage-override/withdraw",
    "POST /v1/cases/{case_id}/problem/unlink",
    "POST /v1/cases/{case_id}/incident/leave",
    "POST /v1/cases/{case_id}/close",
    "POST /v1/cases/{case_id}/reopen",
    "POST /v1/cases/{case_id}/cancel",
    "POST /v1/cases/{case_id}/correct",
    "POST /v1/cases/{case_id}/merge",
    "POST /v1/cases/{case_id}/split",
    "POST /v1/cases/{case_id}/cancellation",
    "POST /v1/rmas/{rma_id}/override",
    "POST /v1/rmas/{rma_id}/lost",
    "POST /v1/rmas/{rma_id}/dead-on-arrival",
    "POST /v1/rmas/{rma_id}/cancel",
    "POST /v1/rmas/{rma_id}/re-source",
    "POST /v1/rmas/{rma_id}/inspect",
    "POST /v1/rmas/{rma_id}/settle",
    "POST /v1/rmas/{rma_id}/dispute",
    "POST /v1/rmas/{rma_id}/send-again",
    "POST /v1/escalations",
    "POST /v1/escalations/{escalation_id}/acknowledge",
    "POST /v1/escalations/{escalation_id}/hand-over",
    "POST /v1/escalations/{escalation_id}/engage-expert",
    "POST /v1/escalations/{escalation_id}/resolve",
    "POST /v1/partner-engagements/{engagement_id}/partner-updates",
    "POST /v1/partner-engagements/{engagement_id}/notes",
    "POST /v1/partner-engagements/{engagement_id}/withdraw",
    "POST /v1/joint-calls",
    "POST /v1/joint-calls/{call_id}/schedule",
    "POST /v1/joint-calls/{call_id}/held",
    "POST /v1/joint-calls/{call_id}/cancel",
    "POST /v1/work-orders/{work_order_id}/reschedule",
    "POST /v1/work-orders/{work_order_id}/undo-depart",
    "POST /v1/work-orders/{work_order_id}/running-late",
    "POST /v1/work-orders/{work_order_id}/arrive",
    "POST /v1/work-orders/{work_order_id}/install",
    "POST /v1/work-orders/{work_order_id}/cancel",
    "POST /v1/work-orders/{work_order_id}/steps",
    "POST /v1/work-orders/{work_order_id}/sign-off",
    "POST /v1/work-orders/{work_order_id}/fail",
    "POST /v1/work-orders/{work_order_id}/approve-software",
}
"""Those of which it goes with the fact that tells it, or with the instant at which it stands in a row."""
NOT_OF_A_CASE = re.compile(
    r"/v1/(clients|people|[a-z]+-policies|problems|calendars|depot-calendars|stock|rotas|partners|sites|contacts|products|onsite-rules|contracts"
    r"|registrations|views|reply-templates|announcements|carrier-events|partner-events)\b|/redact$"
)
"""Master data, of which PATCH says something else, and the record of why it was changed; secrets, which nobody reads; signatures; views, which their owners delete."""


def typed(name: str) -> set[str]:
    return {*TYPED.get(name, ()), *addressed(name)}


def test_of_each_text_of_a_fact_it_is_said_how_it_is_taken_out() -> None:
    open_ = {
        f"{short}.{path}"
        for name, event in EVENTS.items()
        for path in texts(schema_of(event))
        if (short := name.rpartition(".")[2]) and path not in typed(name) and not NEVER_TYPED.search(path)
    }
    assert open_ - CODES - OF_NO_CASE == set()
    assert (CODES | OF_NO_CASE) - open_ == set(), "said of a field that is taken out, or is no more"


def test_what_is_taken_out_are_texts_of_facts() -> None:
    said = {(name, path) for name in EVENTS for path in typed(name)}
    assert said == {(name, path) for name, path in said if path in set(texts(schema_of(EVENTS[name])))}
    assert TYPED.keys() <= EVENTS.keys()


@pytest.mark.parametrize("name", sorted(name for name, paths in TYPED.items() if paths))
def test_nothing_is_left_of_what_a_fact_said(name: str) -> None:
    event, id = EVENTS[name], uuid4()
    data = json.loads((SAMPLES / f"{event.contract.ce_type}.json").read_text("utf-8"))
    for path in TYPED[name]:
        put(data, path.split("."), "It is hunter2")
    left = Redaction(what="fact", id=id).out_of(event.contract.ce_type, id, data)
    assert left is not None
    assert "hunter2" not in json.dumps(left)
    assert left["redacted"] is True
    event.model_validate(left)


def put(node: object, path: list[str], text: str) -> None:
    if isinstance(node, list):
        for each in node:
            put(each, path, text)
    elif isinstance(node, dict):
        if len(path) > 1:
            put(node[path[0]], path[1:], text)
        else:
            node[path[0]] = text


def free_texts(service: str) -> Iterator[str]:
    """The routes that take a text of some length, whatever is written in it."""
    sentence = "It is hunter2, is it not? " * 60
    for route in routes_of(service_named(service)):
        yield from {text.route for text in texts_of(route) if not refuses(text, sentence)}


def test_of_each_text_that_a_command_takes_it_is_said_how_it_is_taken_out() -> None:
    for service in SERVICES:
        importlib.import_module(f"services.{service}.app")
    found = {route for service in SERVICES for route in free_texts(service) if not NOT_OF_A_CASE.search(route)}
    assert found == BY_ID | BY_FACT
