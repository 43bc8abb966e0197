"""A part is called for, and the decision names no site: the customer is asked once, and the right site ends that."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases import CasePending, CaseResumed
from libs.events.cases_work import NoteAdded
from services.cases.tests.builders import ACCOUNT, CUSTOMER, a_fault, coverage, did, in_progress, shown, waits_of
from services.cases.tests.test_what_a_request_names import of
from tests.support.harness import Harness

WORDS = {"en": "we do not know where", "vi": "chưa biết gửi đến đâu"}


async def asked(h: Harness, case_id: UUID) -> list[tuple[str, bool]]:
    """The questions, and whether each still stands."""
    return [(w["note"], w["ended_at"] is None) for w in (await shown(h, case_id))["waits"] if w["kind"] == "customer"]


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("first", ["decision", "diagnosis"])
async def test_the_customer_is_asked_in_their_language_and_the_right_site_ends_it(
    cases: Harness, first: str, language: str
) -> None:
    case_id, site = await in_progress(cases, language=language), uuid4()
    decided = coverage(case_id, site=None, decided_at=await cases.now())
    if first == "decision":
        await cases.deliver(decided)
    await did(cases, case_id, "diagnoses", a_fault())
    if first == "diagnosis":
        await cases.deliver(decided)

    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("pending", ["customer"])
    [note] = await cases.events(NoteAdded)
    assert (note.origin, note.language, note.by_role) == ("system", language, "system")
    assert WORDS[language] in note.text
    [pending] = await cases.events(CasePending)
    assert (pending.wait, pending.note) == ("customer", note.text)
    await cases.learn({site: of("site_id", ACCOUNT)})
    case = await did(cases, case_id, "correct", {"site_id": str(site), "reason": "it stands there"}, **CUSTOMER)
    assert (case["state"], case["waits"][0]["end_reason"]) == ("in_progress", "the site is known")
    assert len(await cases.events(CaseResumed)) == 1


async def test_it_is_asked_once_for_each_diagnosis_and_no_more_after_an_answer(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "diagnoses", a_fault())
    await cases.deliver(coverage(case_id, site=None), coverage(case_id, site=None, revision=2, plan="plus"))
    assert len(await asked(cases, case_id)) == 1
    await did(cases, case_id, "notes", {"text": "The second floor."}, **CUSTOMER)
    await cases.deliver(coverage(case_id, site=None, revision=3))
    assert [stands for _, stands in await asked(cases, case_id)] == [False]
    await did(cases, case_id, "diagnoses", a_fault(component="speaker"))
    assert sorted(stands for _, stands in await asked(cases, case_id)) == [False, True]


async def test_a_decision_that_names_the_site_ends_it_too(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "diagnoses", a_fault())
    await cases.deliver(coverage(case_id, site=None), coverage(case_id, revision=2))
    assert [stands for _, stands in await asked(cases, case_id)] == [False]


async def test_a_withdrawn_diagnosis_asks_for_nothing(cases: Harness) -> None:
    case_id = await in_progress(cases)
    diagnosis = await did(cases, case_id, "diagnoses", a_fault())
    await cases.deliver(coverage(case_id, site=None))
    await did(cases, case_id, f"diagnoses/{diagnosis['id']}/withdraw", {"reason": "the cable"})
    assert [stands for _, stands in await asked(cases, case_id)] == [False]
    await cases.deliver(coverage(case_id, site=None, revision=2, plan="plus"))
    assert [stands for _, stands in await asked(cases, case_id)] == [False]


@pytest.mark.parametrize(
    ("fault", "decided"),
    [
        ({"remedy": "guidance"}, {"site": None}),
        ({}, {"site": None, "covered": False}),
        ({}, {}),
    ],
)
async def test_nobody_is_asked_where_nothing_is_sent_or_the_site_is_known(
    cases: Harness, fault: dict[str, Any], decided: dict[str, Any]
) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "diagnoses", a_fault(**fault))
    await cases.deliver(coverage(case_id, **decided))
    assert await asked(cases, case_id) == []
