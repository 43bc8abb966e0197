"""What a case said proves wrong and is put right, by whom it may be, and is told once."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases import CaseCorrected, CaseNames
from libs.events.cases_work import TextRedacted
from libs.events.entitlements import ContactState
from libs.events.values import Site
from libs.kit import people
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    LAN_ID,
    OTHER,
    STRANGER,
    a_request,
    coverage,
    did,
    in_progress,
    opened,
    resolved,
    shown,
)
from services.cases.tests.test_what_a_request_names import of
from tests.support.harness import Harness
from tests.support.refusals import refusal

UNIT = {"product_number": "83Z52AA", "serial": "SN-9", "reason": "the label was read again"}
NONE: dict[str, Any] = {"product_number": None, "serial": None, "no_product_reason": "not at hand"}


def a_site(id: UUID) -> Site:
    return Site(site_id=id, city="Hà Nội", country="VN", time_zone="Asia/Ho_Chi_Minh", opening_hours=[])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.2)


async def test_a_serial_that_was_not_at_hand_is_given_later(cases: Harness) -> None:
    first = await opened(cases, serial="SN-9")
    case_id = await in_progress(cases, **NONE)
    case = await did(cases, case_id, "correct", {**UNIT, "serial": " sn-9 "})

    assert (case["product_number"], case["serial"], case["no_product_reason"]) == ("83Z52AA", "SN-9", None)
    [kept] = case["corrections"]
    assert (kept["what"], kept["by"], kept["reason"]) == (["unit"], f"engineer:{LAN_ID}", UNIT["reason"])
    [told] = await cases.events(CaseCorrected)
    assert told.model_dump(include={"case_id", "what", "old", "new", "description", "by_role"}) == {
        "case_id": case_id,
        "what": ["unit"],
        "old": CaseNames().model_dump(),
        "new": CaseNames(product_number="83Z52AA", serial="SN-9").model_dump(),
        "description": None,
        "by_role": "engineer",
    }
    assert ((await shown(cases, case_id))["duplicates"], (await shown(cases, first))["duplicates"]) == (
        [str(first)],
        [str(case_id)],
    )


async def test_the_wrong_one_of_two_units_is_a_duplicate_no_more(cases: Harness) -> None:
    first, case_id = await opened(cases), await opened(cases)
    assert (await shown(cases, first))["duplicates"] == [str(case_id)]
    await did(cases, first, "correct", UNIT)

    for each in (first, case_id):
        assert (await shown(cases, each))["duplicates"] == []


async def test_all_at_once_and_once(cases: Harness) -> None:
    site, contact = uuid4(), uuid4()
    await cases.learn({site: of("site_id", ACCOUNT), contact: of("contact_id", ACCOUNT)})
    case_id = await opened(cases)
    right = {"site_id": str(site), "contact_id": str(contact), "language": "en", "description": "No picture"}
    for _ in range(2):
        case = await did(cases, case_id, "correct", {**UNIT, **right}, key=str(uuid4()))

    assert {name: case[name] for name in right} == right
    [told] = await cases.events(CaseCorrected)
    assert told.what == ["unit", "site", "contact", "language", "description"]
    assert (told.description, told.old.language, told.new.language) == ("No picture", "vi", "en")
    assert case["corrections"][0]["description"] == a_request()["description"]


@pytest.mark.parametrize("field", ["site_id", "contact_id"])
async def test_what_is_not_the_accounts_is_refused_in_the_same_words_as_at_intake(cases: Harness, field: str) -> None:
    theirs, unknown, case_id = uuid4(), uuid4(), await opened(cases)
    await cases.learn({theirs: of(field, OTHER)})
    await cases.has_caught_up(ContactState.contract.topic)
    for id in (theirs, unknown):
        body = {field: str(id)}
        at_intake = await cases.post("/v1/cases", a_request(**body), **CUSTOMER)
        answer = await cases.post(f"/v1/cases/{case_id}/correct", {**body, "reason": "moved"})
        assert refusal(answer) == refusal(at_intake) == (422, "not-of-this-account")
        assert answer.json()["detail"] == at_intake.json()["detail"]
    assert await cases.events(CaseCorrected) == []


async def test_a_customer_corrects_the_unit_until_work_has_begun(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "correct", UNIT, **CUSTOMER)
    await did(cases, case_id, "assign")
    again = {**UNIT, "serial": "SN-8"}
    refused = await cases.post(f"/v1/cases/{case_id}/correct", again, **CUSTOMER)

    assert refusal(refused) == (409, "work-has-begun")
    assert (refused.json()["state"], "notes" in refused.json()["possible"]) == ("in_progress", True)
    assert (await shown(cases, case_id))["serial"] == "SN-9"
    case = await did(cases, case_id, "correct", {"description": "No sound", "reason": "typo"}, **CUSTOMER)
    assert (case["description"], case["corrections"][-1]["by"].partition(":")[0]) == ("No sound", "customer")
    assert (await did(cases, case_id, "correct", again))["serial"] == "SN-8"


async def test_nobody_elses_case_and_none_that_is_over(cases: Harness) -> None:
    case_id = await resolved(cases)
    path, body = f"/v1/cases/{case_id}/correct", {"language": "en", "reason": "they write English"}
    assert (await cases.post(path, body, **STRANGER)).status_code == 404
    assert (await cases.post(path, body, role="partner", accounts=[ACCOUNT])).status_code == 403
    await did(cases, case_id, "close", **CUSTOMER)

    assert refusal(await cases.post(path, body)) == (422, "case-closed-to-commands")
    assert await cases.events(CaseCorrected) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"serial": "SN-9"}, "a unit is product_number and serial"),
        ({}, "say what is right instead"),
    ],
)
async def test_half_a_unit_and_nothing_at_all_are_refused(cases: Harness, body: dict[str, str], said: str) -> None:
    answer = await cases.post(f"/v1/cases/{await opened(cases)}/correct", {**body, "reason": "wrong"})
    assert refusal(answer) == (422, said)


async def test_the_case_shows_the_site_of_the_decision(cases: Harness) -> None:
    """The unit moved; then somebody said where it stands."""
    before, after, right = uuid4(), uuid4(), uuid4()
    case_id = await opened(cases)
    for revision, site in enumerate((before, after), 1):
        await cases.deliver(coverage(case_id, revision=revision, site=a_site(site)))
        assert (await shown(cases, case_id))["site_id"] == str(site)
    await cases.learn({right: of("site_id", ACCOUNT)})
    await did(cases, case_id, "correct", {"site_id": str(right), "reason": "it stands there"})
    # Decided before the correction was heard of.
    await cases.deliver(coverage(case_id, revision=3, site=a_site(before), unknown=["site"]))
    assert (await shown(cases, case_id))["site_id"] == str(right)
    await cases.deliver(coverage(case_id, revision=4, site=None, unknown=["site"], corrections=1))
    assert (await shown(cases, case_id))["site_id"] is None


async def test_what_a_description_said_before_is_taken_out_too(cases: Harness) -> None:
    case_id = await opened(cases, description="The login is one")
    await did(cases, case_id, "correct", {"description": "The login is two", "reason": "typo"})
    await did(cases, case_id, "redact", {"what": "description", "reason": "a password"}, role="manager")
    case = await did(cases, case_id, "correct", {"description": "No picture", "reason": "said again"})

    assert (case["description"], case["description_redacted"]) == ("No picture", None)
    first, second = case["corrections"]
    assert (first["description"], second["description"]) == ("", "")
    assert first["redacted"]["reason"] == "a password"
    told = [(each.what, each.id) for each in await cases.events(TextRedacted)]
    assert told == [("description", case_id), ("description", UUID(first["id"]))]
    assert [each.description for each in await cases.events(CaseCorrected)] == ["", "No picture"]
