"""A case is corrected, and everybody who acts on it goes on with what is right: all services, and what is between them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from services.entitlements.tests.builders import X70, a_contract, a_customer, a_product, a_registration, a_site
from services.rma.tests.builders import goods_in, made
from services.rma.tests.network import HCM, a_network, a_part
from tests.contract.test_redaction import Services
from tests.support.services import running

NAMES = ("cases", "entitlements", "rma", "onsite", "escalation")


@pytest_asyncio.fixture
async def services(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    monkeypatch.setenv("POLYPLUS_HOME", str(tmp_path))
    async with AsyncExitStack() as stack:
        yield Services({n: await stack.enter_async_context(running(postgres_url, n)) for n in NAMES}, tmp_path)


async def test_a_serial_and_a_site_that_are_said_later_bring_the_part(services: Services) -> None:
    """Opened without a unit, for an account with two sites; a manager covers it; nobody knows where the part is to go."""
    s = services
    entitlements, rma = s.all["entitlements"], s.all["rma"]
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    branch = await a_site(entitlements, customer.account_id, name="Branch", city="Hà Nội")
    await a_network(rma)
    rma.bound = {"depot": {"depots": [HCM]}}
    part = {**a_part("P-1"), "fits": [{"product_number": X70}], "substitutes": []}
    await made(rma, "/v1/parts", part, role="manager")
    await goods_in(rma, 1, "P-1")
    request = {
        "account_id": str(customer.account_id), "description": "No picture", "observed_impact": "down",
        "severity": "critical", "no_product_reason": "the label is behind the wall", "language": "en",
    }  # fmt: skip
    opened = await s.cases.post("/v1/cases", request, role="engineer")
    assert opened.status_code == 201, opened.text
    case_id = UUID(opened.json()["id"])
    await s.settle()
    await s.did(case_id, "coverage-override", {"covered": True, "reason": "goodwill"})
    await s.settle()
    fault = {
        "component": "camera", "fault_code": "CAM-1", "domain": "hardware", "remedy": "replace_part",
        "part_number": "P-1", "findings": "Dead sensor.", "confidence": "high",
    }  # fmt: skip
    await s.did(case_id, "diagnoses", fault)
    await s.settle()

    async def the_rma() -> dict[str, Any]:
        [found] = (await rma.get("/v1/rmas")).json()["items"]
        seen: dict[str, Any] = (await rma.get(f"/v1/rmas/{found['id']}")).json()
        return seen

    async def the_case() -> dict[str, Any]:
        seen: dict[str, Any] = (await s.cases.get(f"/v1/cases/{case_id}")).json()
        return seen

    assert ((await the_rma())["state"], (await the_rma())["waiting_for"]) == ("requested", "site")
    case = await the_case()
    assert (case["state"], [w["kind"] for w in case["waits"]], case["site_id"]) == ("pending", ["customer"], None)

    await s.did(case_id, "correct", {"site_id": branch, "reason": "the customer rang"})
    await s.settle()
    found = await the_rma()
    assert (found["state"], found["ship_to"]["city"], found["serial"]) == ("reserved", "Hà Nội", None)
    assert (await the_case())["state"] == "in_progress"

    await a_contract(entitlements, customer.account_id)
    await a_registration(entitlements, customer)
    await s.did(case_id, "coverage-override/withdraw", {"reason": "there is a contract"})
    unit = {"product_number": X70, "serial": "8ltest0001fb", "reason": "the label was read"}
    await s.did(case_id, "correct", unit)
    await s.settle()
    case = await the_case()
    assert (case["coverage"]["status"], case["coverage"]["reason"], case["family"]) == (
        "covered",
        "active_contract",
        "studio",
    )
    assert (case["site_id"], [each["what"] for each in case["corrections"]]) == (branch, [["site"], ["unit"]])
    found = await the_rma()
    assert (found["serial"], [each["state"] for each in found["history"]].count("requested")) == ("8LTEST0001FB", 2)
