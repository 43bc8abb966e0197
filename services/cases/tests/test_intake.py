"""Taking requests, at any hour and by any channel."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases import CaseOpened
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    OTHER,
    STRANGER,
    a_request,
    coverage,
    did,
    names,
    opened,
    resolved,
    shown,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal
from tests.support.summaries import shows_one_line_of_each

_ABOUT_NOTHING = "give product_number and serial, or no_product_reason"


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


async def test_a_board_reads_one_line_of_each_case(cases: Harness) -> None:
    await cases.post("/v1/cases", a_request(), **CUSTOMER)
    for how in (CUSTOMER, {"role": "engineer"}):
        await shows_one_line_of_each(cases, "/v1/cases", **how)


async def test_the_same_key_opens_one_case(cases: Harness) -> None:
    first = await cases.post("/v1/cases", a_request(), key="k", **CUSTOMER)
    again = await cases.post("/v1/cases", a_request(), key="k", **CUSTOMER)

    assert again.content == first.content
    assert len(await cases.events(CaseOpened)) == 1


@pytest.mark.parametrize(
    ("wrong", "refused"),
    [
        ({"serial": None}, _ABOUT_NOTHING),
        ({"product_number": None, "serial": None}, _ABOUT_NOTHING),
        ({"description": "  "}, "/description"),
        ({"description": "half a \0 word"}, "/description"),
        ({"severity": "catastrophic"}, "/severity"),
        ({"observed_impact": None}, "/observed_impact"),
        ({"language": "fr"}, "/language"),
        ({"priority": "P1"}, "/priority"),
        ({"state": "closed"}, "/state"),
        ({"parent_id": str(UUID(int=1))}, "no-such-parent"),
    ],
    ids=str,
)
async def test_a_request_that_makes_no_sense_is_refused_and_leaves_nothing(
    cases: Harness, wrong: dict[str, Any], refused: str
) -> None:
    answer = await cases.post("/v1/cases", a_request(**wrong), **CUSTOMER)

    assert refusal(answer) == (422, refused)
    assert await cases.outbox() == []


async def test_a_request_about_no_product_says_why(cases: Harness) -> None:
    about = {"product_number": None, "serial": None, "no_product_reason": "Hỏi về hợp đồng"}
    answer = await cases.post("/v1/cases", a_request(**about), **CUSTOMER)

    assert answer.json()["no_product_reason"] == "Hỏi về hợp đồng"


async def test_an_engineer_opens_a_case_for_a_caller_of_an_account(cases: Harness) -> None:
    refused = await cases.post("/v1/cases", a_request())
    answer = await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT), reporter_name="Nguyễn Văn An"))

    assert refusal(refused) == (422, "account-required")
    assert (answer.json()["channel"], answer.json()["reporter_name"]) == ("phone", "Nguyễn Văn An")
    assert (await cases.get(f"/v1/cases/{answer.json()['id']}", **CUSTOMER)).status_code == 200


async def test_nobody_opens_a_case_for_another_account(cases: Harness) -> None:
    answer = await cases.post("/v1/cases", a_request(account_id=str(OTHER)), **CUSTOMER)

    assert answer.status_code == 404
    assert await cases.outbox() == []


@pytest.mark.parametrize("role", ["technician", "depot", "integrator", "ops"])
async def test_who_takes_no_requests_is_refused(cases: Harness, role: str) -> None:
    assert (await cases.post("/v1/cases", a_request(), role=role)).status_code == 403


async def test_likely_duplicates_are_linked_both_ways_and_never_dropped(cases: Harness) -> None:
    first, unrelated = await opened(cases), await opened(cases, serial="SN-2")
    second = await opened(cases)

    assert (await shown(cases, second))["duplicates"] == [str(first)]
    assert (await shown(cases, first))["duplicates"] == [str(second)]
    assert (await shown(cases, unrelated))["duplicates"] == []
    assert (await cases.events(CaseOpened))[-1].duplicate_of == [first]


async def test_a_case_is_no_duplicate_of_another_accounts(cases: Harness) -> None:
    await cases.post("/v1/cases", a_request(), **STRANGER)

    assert (await shown(cases, await opened(cases)))["duplicates"] == []


async def test_external_identifiers_are_kept_and_found(cases: Harness) -> None:
    case_id = await opened(cases, external_identifiers=[{"owner": "reseller", "id": "R-77"}])
    await opened(cases)

    found = await cases.get("/v1/cases?external_id=R-77", **CUSTOMER)
    assert [c["id"] for c in found.json()["items"]] == [str(case_id)]


async def test_a_revised_external_identifier_finds_its_case_and_the_old_one_no_more(cases: Harness) -> None:
    case_id = await opened(cases, external_identifiers=[{"owner": "a", "id": "R-1"}, {"owner": "b", "id": "R-1"}])
    case = await cases.get(f"/v1/cases/{case_id}")
    changed = await cases.patch(
        f"/v1/cases/{case_id}", {"external_identifiers": [{"owner": "a", "id": "R-2"}]}, etag=case.headers["etag"]
    )
    assert changed.status_code == 200

    async def found(number: str) -> list[str]:
        return [each["id"] for each in (await cases.get(f"/v1/cases?external_id={number}")).json()["items"]]

    assert [await found("R-1"), await found("R-2")] == [[], [str(case_id)]]


async def test_a_follow_up_names_an_earlier_case_of_the_same_account(cases: Harness) -> None:
    earlier = await resolved(cases)
    follow_up = await opened(cases, follow_up_of=str(earlier))

    assert (await shown(cases, follow_up))["follow_up_of"] == str(earlier)
    foreign = await cases.post("/v1/cases", a_request(follow_up_of=str(earlier)), **STRANGER)
    assert foreign.status_code == 404


async def test_priority_follows_severity_by_the_policy_of_the_day(cases: Harness) -> None:
    priorities = {"critical": "P1", "major": "P1", "moderate": "P3", "minor": "P4"}
    change = {"settings": {"priorities": priorities}, "why": "majors hurt"}
    half = {"settings": {"priorities": {"critical": "P1"}}, "why": "a mistake"}

    assert refusal(await cases.post("/v1/cases-policies", half, role="manager")) == (422, "invalid-policy")
    assert (await cases.post("/v1/cases-policies", change, role="manager")).status_code == 201
    assert (await shown(cases, await opened(cases, severity="major")))["priority"] == "P1"


async def test_other_accounts_see_nothing_of_a_case(cases: Harness) -> None:
    case_id = await opened(cases)

    for path in ("", "/notes", "/waits", "/diagnoses", "/attachments"):
        assert (await cases.get(f"/v1/cases/{case_id}{path}", **STRANGER)).status_code == 404
    for command, body in [("notes", {"text": "hello"}), ("cancel", {"reason": "not mine"}), ("close", {})]:
        assert (await cases.post(f"/v1/cases/{case_id}/{command}", body, **STRANGER)).status_code == 404
    assert (await cases.get("/v1/cases", **STRANGER)).json()["items"] == []


async def test_a_list_pages_and_filters(cases: Harness) -> None:
    ids = [str(await opened(cases, serial=f"SN-{n}")) for n in range(3)]
    await did(cases, UUID(ids[0]), "assign")

    first = (await cases.get("/v1/cases?limit=2", **CUSTOMER)).json()
    rest = (await cases.get(f"/v1/cases?limit=2&cursor={first['next_cursor']}", **CUSTOMER)).json()
    assert [c["id"] for c in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    worked = (await cases.get("/v1/cases?state=in_progress&state=pending&open=true")).json()["items"]
    assert [c["id"] for c in worked] == ids[:1]
    assert [c["id"] for c in (await cases.get("/v1/cases?serial=SN-2")).json()["items"]] == ids[2:]
    assert (await cases.get("/v1/cases?open=false")).json()["items"] == []


async def test_coverage_arrives_later_and_the_highest_revision_stands(cases: Harness) -> None:
    case_id = await opened(cases)

    await cases.deliver(coverage(case_id, revision=2), coverage(case_id, revision=1, covered=False, reason="old"))
    case = await shown(cases, case_id)
    assert (case["coverage"]["status"], case["coverage"]["revision"], case["family"]) == ("covered", 2, "studio")
    await cases.deliver(coverage(case_id, revision=3, covered=False, reason="contract_expired"))
    case = await shown(cases, case_id)
    assert (case["coverage"]["status"], case["coverage"]["reason"]) == ("not_covered", "contract_expired")


async def test_a_manager_overrides_coverage_with_a_reason(cases: Harness) -> None:
    case_id = await opened(cases)
    override = {"covered": True, "reason": "goodwill"}

    assert (await cases.post(f"/v1/cases/{case_id}/coverage-override", override)).status_code == 403
    case = await did(cases, case_id, "coverage-override", override, role="manager")
    assert case["coverage"]["status"] == "pending", "only entitlements decides"
    assert case["coverage"]["override"]["reason"] == "goodwill"
    assert names(await cases.events())[-1] == "CoverageOverridden"
    await cases.deliver(coverage(case_id, overridden=True))
    case = await shown(cases, case_id)
    assert case["coverage"]["overridden"]
    assert case["coverage"]["override"]["reason"] == "goodwill"


@pytest.mark.parametrize(
    ("unknown", "language", "said"),
    [
        (["site", "contact"], "vi", ("Địa điểm", "Người liên hệ")),
        (["contact"], "en", ("The contact",)),
    ],
)
async def test_a_site_or_contact_that_the_account_has_not_is_dropped_with_a_word(
    cases: Harness, unknown: list[str], language: str, said: tuple[str, ...]
) -> None:
    site, contact = str(uuid4()), str(uuid4())
    request = a_request(site_id=site, contact_id=contact, language=language)
    case_id = UUID((await cases.post("/v1/cases", request, **CUSTOMER)).json()["id"])
    decided = coverage(case_id, unknown=unknown)

    await cases.deliver(decided, coverage(case_id, unknown=unknown, revision=2, site=decided.site))

    case = (await cases.get(f"/v1/cases/{case_id}", **CUSTOMER)).json()
    assert decided.site
    assert case["site_id"] == str(decided.site.site_id)
    assert case["contact_id"] is None
    [note] = (await cases.get(f"/v1/cases/{case_id}/notes", **CUSTOMER)).json()["items"]
    assert all(each in note["text"] for each in said)
    assert len(note["text"].split(". ")) == len(said)


async def test_a_unit_is_found_and_linked_however_its_label_is_written(cases: Harness) -> None:
    first = (await cases.post("/v1/cases", a_request(serial="T4E668C836E"), **CUSTOMER)).json()
    again = (await cases.post("/v1/cases", a_request(serial=" s/n: t4e6 68c8\u200b36e"), **CUSTOMER)).json()

    assert again["serial"] == "T4E668C836E"
    assert again["duplicate_of"] == [first["id"]]
    listed = (await cases.get("/v1/cases?serial=t4e668c836e%20", **CUSTOMER)).json()["items"]
    assert {each["id"] for each in listed} == {first["id"], again["id"]}
