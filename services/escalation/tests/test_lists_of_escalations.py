"""Escalations in pages, by state, and as lines of a board."""

from services.escalation.tests.builders import a_case
from services.escalation.tests.test_escalations import act, an_escalation
from tests.support.harness import Harness
from tests.support.summaries import shows_one_line_of_each


async def test_escalations_page_and_filter(escalation: Harness) -> None:
    case = await a_case(escalation)
    made = []
    for _ in range(3):
        raised = await an_escalation(escalation, case)
        assert (await act(escalation, raised, "resolve", {"resolution": "Solved"})).status_code == 200
        made.append(raised["number"])
    first = (await escalation.get(f"/v1/escalations?limit=2&case_id={case.id}")).json()
    rest = (await escalation.get(f"/v1/escalations?limit=2&case_id={case.id}&cursor={first['next_cursor']}")).json()
    assert [item["number"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert (await escalation.get("/v1/escalations?state=triggered&state=acknowledged")).json()["items"] == []


async def test_a_board_reads_one_line_of_each_escalation(escalation: Harness) -> None:
    for _ in range(2):
        await an_escalation(escalation, await a_case(escalation))
    for role in ("engineer", "manager"):
        await shows_one_line_of_each(escalation, "/v1/escalations", role=role)
