"""A case is corrected: findings name the right unit, say what was reported, and are in the right language."""

from typing import Any
from uuid import UUID

from libs.events.cases_work import TextRedacted
from services.ecps.tests.builders import WHO, ACase, a_case_with_wish, a_partner
from tests.support.harness import Harness

UNIT: dict[str, Any] = {"product_number": "875K6AA", "serial": "8LTEST0009"}


async def findings(ecps: Harness, case: ACase) -> tuple[str, str, str]:
    found = (await ecps.get(f"{case.path}/findings")).json()
    return found["serial"], found["reported"], found["language"]


async def test_findings_are_of_the_right_unit_and_in_the_right_language(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.corrected(description="No sound", language="en", **UNIT))
    # The product is the decision's, which comes from elsewhere.
    assert await findings(ecps, case) == ("8LTEST0001", "No sound", "en")
    await ecps.deliver(case.covered(revision=2).model_copy(update={"product": None}))
    assert await findings(ecps, case) == ("8LTEST0009", "No sound", "en")


async def test_an_engagement_begins_in_the_right_language(ecps: Harness) -> None:
    await a_partner(ecps)
    case = ACase()
    told = case.opened(), case.corrected(language="en"), case.diagnosed(), case.asked()
    await ecps.deliver(case.covered(), *told, together=True)
    assert (await findings(ecps, case))[2] == "en"


async def test_what_was_taken_out_is_not_reported_and_what_was_said_instead_is(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)

    def taken_out(id: UUID) -> TextRedacted:
        at = case.at(40)
        return TextRedacted(case_id=case.id, what="description", id=id, reason="a password", redacted_at=at, **WHO)

    first, second = case.corrected(description="pw one"), case.corrected(description="No sound")
    await ecps.deliver(first, taken_out(case.id), taken_out(first.correction_id))
    assert (await findings(ecps, case))[1] == ""
    await ecps.deliver(second, taken_out(case.id))
    assert (await findings(ecps, case))[1] == "No sound"
    assert "pw one" not in str(await ecps.state())
