"""The work list: whose, which, and what is due first."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st

from services.cases.tests.builders import (
    CUSTOMER,
    LAN_ID,
    Clock,
    at,
    coverage,
    did,
    in_progress,
    opened,
    part_shipped,
    resolved,
)
from tests.support.harness import Harness
from tests.support.order import in_any_order
from tests.support.refusals import refusal


async def found(h: Harness, query: str, **who: Any) -> list[UUID]:
    answer = await h.get(f"/v1/cases?{query}", **who)
    assert answer.status_code == 200, answer.text
    return [UUID(case["id"]) for case in answer.json()["items"]]


async def test_my_cases_are_found_however_i_am_named_and_so_are_those_of_nobody(cases: Harness) -> None:
    mine, nobodys = await in_progress(cases), await opened(cases, serial="SN-2")

    for said in ("me", LAN_ID, f"engineer:{LAN_ID}"):
        assert await found(cases, f"assignee={said}") == [mine], said
    assert await found(cases, "assignee=me", person_id=uuid4()) == []
    assert await found(cases, "unassigned=true") == [nobodys]
    assert await found(cases, "unassigned=false") == [mine]


async def test_a_system_has_no_cases_of_its_own(cases: Harness) -> None:
    assert refusal(await cases.get("/v1/cases?assignee=me", role="ops", person_id=None)) == (422, "person-required")
    assert (await cases.get("/v1/cases?assignee=LAN")).status_code in {400, 422}


@pytest.mark.parametrize("query", ["asignee=me", "waits=customer", "q2=x"])
async def test_a_parameter_that_the_list_does_not_know_is_refused(query: str, cases: Harness) -> None:
    await opened(cases)
    assert (await cases.get(f"/v1/cases?{query}")).status_code == 400


async def test_a_case_is_found_by_what_it_is_about_and_what_it_waits_for(cases: Harness) -> None:
    case_id, other = await opened(cases), await opened(cases, serial="SN-2", product_number="OTHER")
    decided = coverage(case_id)
    assert decided.site
    await cases.deliver(decided, part_shipped(case_id, at(10)))

    for query in (
        f"site_id={decided.site.site_id}",
        "product_number=83Z52AA",
        "family=studio",
        "coverage=covered",
        "wait=part",
    ):
        assert await found(cases, query) == [case_id], query
    for query in (f"site_id={uuid4()}", f"contact_id={uuid4()}", "family=voice", "wait=customer"):
        assert await found(cases, query) == [], query
    assert await found(cases, "coverage=pending") == [other]
    await did(cases, case_id, "assign")
    waits = (await cases.get(f"/v1/cases/{case_id}")).json()["waits"]
    await did(cases, case_id, f"waits/{waits[0]['id']}/end", {"reason": "it is there"})
    assert await found(cases, "wait=part") == []


async def test_a_resolved_case_waits_for_nothing(cases: Harness) -> None:
    await resolved(cases)
    assert await found(cases, "wait=customer") == []


async def test_what_is_due_among_ourselves_is_no_order_for_a_customer(cases: Harness) -> None:
    assert (await cases.get("/v1/cases?sort=next_due", **CUSTOMER)).status_code == 403


@in_any_order(examples=10, dues=st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=8))
async def test_what_is_due_first_comes_first_page_after_page_and_last_what_rests(
    cases: Harness, data: st.DataObject, dues: list[int | None]
) -> None:
    await cases.empty()
    known: dict[UUID, int | None] = {}
    for n, hours in enumerate(dues):
        case_id = await opened(cases, serial=f"SN-{n}")
        known[case_id] = hours
        if hours is not None:
            await cases.deliver(Clock(case_id, "resolution").started(at(0) + timedelta(hours=hours)))
    naive = sorted(known, key=lambda each: (known[each] is None, known[each] or 0, each))

    for sort, expected in (("next_due", naive), ("-next_due", naive[::-1])):
        limit = data.draw(st.integers(1, 4))
        for more in ("", "&open=true", "&unassigned=true"):
            shown: list[UUID] = []
            cursor: str | None = ""
            while cursor is not None:
                asked = f"sort={sort}&limit={limit}{more}" + (f"&cursor={cursor}" if cursor else "")
                page = (await cases.get(f"/v1/cases?{asked}")).json()
                shown, cursor = shown + [UUID(case["id"]) for case in page["items"]], page["next_cursor"]
            assert shown == expected, (sort, more)
