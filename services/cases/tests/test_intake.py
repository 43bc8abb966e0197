"""Taking requests, at any hour and by any channel."""

import pytest

from libs.events.cases import CaseOpened
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    a_request,
    names,
)
from tests.support.harness import Harness


@pytest.mark.promise("S1")
@pytest.mark.promise("S18")
async def test_a_customer_opens_a_case_before_anybody_knows_its_coverage(cases: Harness) -> None:
    answer = await cases.post("/v1/cases", a_request(), **CUSTOMER)

    assert answer.status_code == 201
    case = answer.json()
    assert case["state"] == "acknowledged"
    assert case["coverage"]["status"] == "pending"
    assert (case["severity"], case["customer_severity"], case["priority"]) == ("critical", "critical", "P1")
    assert case["number"].startswith("CASE-")
    assert answer.headers["location"] == f"/v1/cases/{case['id']}"
    assert names(await cases.events()) == ["CaseOpened", "CaseRouted"]
    [told] = await cases.events(CaseOpened)
    assert (told.account_id, told.serial, told.priority, told.by_role) == (ACCOUNT, "SN-1", "P1", "customer")
    assert (await cases.outbox())[0]["account_id"] == ACCOUNT
