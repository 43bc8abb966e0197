"""What is kept of partners: never their credentials in the open, never a way into our own network."""

from typing import Any

import pytest

from services.ecps.tests.builders import (
    ACCOUNT,
    OTHER_ACCOUNT,
    PARTNER,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
)
from tests.support.harness import Harness


async def test_credentials_go_in_and_never_come_out(ecps: Harness) -> None:
    made = await a_partner(ecps, connector="tmf621", base_url="https://cloud.example", credentials={"token": "s3cret"})
    assert made["has_credentials"] is True
    case = await a_case_with_wish(ecps)
    answers = [await ecps.get("/v1/partners"), await ecps.get(f"/v1/partners/{PARTNER}"), await ecps.get(case.path)]
    async with ecps.transaction() as tx:
        rows = await tx.connection.fetch(
            "SELECT to_jsonb(p)::text AS row FROM partners p UNION ALL SELECT payload::text FROM jobs"
        )
    assert len(rows) == 2
    for text in (*(a.text for a in answers), *(r["row"] for r in rows), *(str(r["data"]) for r in await ecps.outbox())):
        assert "s3cret" not in text

    etag = answers[1].headers["etag"]
    body = {"credentials": None, "name": "Cloud Inc.", "why": "left"}
    changed = await ecps.patch(f"/v1/partners/{PARTNER}", body, etag=etag, role="manager")
    assert (changed.json()["has_credentials"], changed.json()["base_url"]) == (False, "https://cloud.example")
    assert changed.json()["history"][-1]["what"] == "credentials, name: left"


async def test_a_customer_reads_whom_to_turn_to_and_not_how_we_reach_them(ecps: Harness) -> None:
    await a_partner(ecps, connector="tmf621", base_url="https://cloud.example")
    seen = (await ecps.get(f"/v1/partners/{PARTNER}", role="customer", accounts=[ACCOUNT])).json()
    assert seen["contact"]["email"] == "help@cloud.example"
    assert [seen[name] for name in ("base_url", "procedure", "has_credentials", "history")] == [None] * 4
    for role in ("customer", "engineer", "partner"):
        assert (await ecps.post("/v1/partners", {}, role=role)).status_code == 403


async def test_another_accounts_engagement_is_not_there(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    other = {"role": "customer", "accounts": [OTHER_ACCOUNT]}
    for path in (case.path, f"{case.path}/findings", f"{case.path}/findings.pdf"):
        assert (await ecps.get(path, **other)).status_code == 404
    assert (await ecps.post(f"{case.path}/withdraw", {"reason": "mine"}, **other)).status_code == 404
    assert (await ecps.get("/v1/partner-engagements", **other)).json()["items"] == []
    agreement = {"partner_id": str(PARTNER), "account_id": str(ACCOUNT), "reference": "A", "valid_from": "2026-01-01"}
    assert (await ecps.post("/v1/partner-agreements", agreement, **other)).status_code == 404
    assert (await an_engagement(ecps, case))["state"] == "submitting"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"connector": "pigeon"}, "/connector"),
        ({"base_url": "ftp://x"}, "/base_url"),
        ({"name": "a\0b"}, "/name"),
        ({"owner": 1}, "/owner"),
    ],
)
async def test_a_partner_that_cannot_be_is_refused(ecps: Harness, wrong: dict[str, Any], pointer: str) -> None:
    body = {"code": "x", "name": "X", "contact": {"name": "x"}} | wrong
    refused = await ecps.post("/v1/partners", body, role="manager")
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    assert (await ecps.get("/v1/partners")).json()["items"] == []


async def test_a_connector_that_calls_needs_somewhere_to_call(ecps: Harness) -> None:
    body = {"code": "x", "name": "X", "contact": {"name": "x"}, "connector": "tmf621"}
    refused = await ecps.post("/v1/partners", body, role="manager")
    assert (refused.status_code, refused.json()["detail"]) == (422, "The tmf621 connector needs base_url.")


async def test_an_agreement_that_cannot_be_is_refused(ecps: Harness) -> None:
    await a_partner(ecps)
    body = {"partner_id": str(PARTNER), "account_id": str(ACCOUNT), "reference": "A", "valid_from": "2026-02-01"}
    turned = await ecps.post("/v1/partner-agreements", body | {"valid_until": "2026-01-01"}, role="manager")
    assert (turned.status_code, turned.json()["title"]) == (422, "It ends before it begins")
    nowhere = await ecps.post("/v1/partner-agreements", body | {"time_zone": "Mars/Base"}, role="manager")
    assert (nowhere.status_code, nowhere.json()["errors"][0]["pointer"]) == (422, "/time_zone")
    assert (await ecps.get("/v1/partner-agreements")).json()["items"] == []
    assert await ecps.outbox() == []


@pytest.mark.parametrize(
    "url", ["https://10.0.0.1", "https://2130706433", "http://127.0.0.1:15432", "https://u:p@cloud.example"]
)
async def test_a_partners_url_that_leads_into_our_network_is_refused_when_it_is_set(ecps: Harness, url: str) -> None:
    body = {"code": "x", "name": "X", "contact": {"name": "x"}, "connector": "tmf621", "base_url": url}
    refused = await ecps.post("/v1/partners", body, role="manager")
    assert refused.status_code == 422
    assert "base_url" in refused.json()["detail"]
    await a_partner(ecps)
    etag = (await ecps.get(f"/v1/partners/{PARTNER}")).headers["etag"]
    changed = await ecps.patch(f"/v1/partners/{PARTNER}", {"base_url": url, "why": "moved"}, etag=etag, role="manager")
    assert changed.status_code == 422
    assert "base_url" in changed.json()["detail"]


async def test_a_url_that_was_let_in_once_is_checked_again_at_the_call(
    ecps: Harness, company: PartnerSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_partner(ecps, company)
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", "")
    case = await a_case_with_wish(ecps)
    async with ecps.service.jobs.client() as http:
        await ecps.service.jobs.run_due(ecps.database, http)
    assert await company.tickets() == []
    assert (await an_engagement(ecps, case))["state"] == "submitting"


async def test_a_partner_is_kept_once_under_its_code(ecps: Harness) -> None:
    await a_partner(ecps)
    again = {"code": "cloud", "name": "Cloud, too", "contact": {"name": "Cloud support"}}
    refused = await ecps.post("/v1/partners", again, role="manager")
    assert (refused.status_code, refused.json()["id"]) == (409, str(PARTNER))


async def test_only_what_changed_goes_into_the_history(ecps: Harness) -> None:
    made = await a_partner(ecps)
    etag = (await ecps.get(f"/v1/partners/{PARTNER}")).headers["etag"]
    same = {"response_minutes": made["response_minutes"], "products": ["Rooms"], "why": "as agreed"}

    changed = await ecps.patch(f"/v1/partners/{PARTNER}", same, etag=etag, role="manager")

    assert changed.json()["history"][-1]["what"] == "products: as agreed"


async def test_a_change_that_changes_nothing_is_not_in_the_history(ecps: Harness) -> None:
    made = await a_partner(ecps)
    etag = (await ecps.get(f"/v1/partners/{PARTNER}")).headers["etag"]

    same = await ecps.patch(f"/v1/partners/{PARTNER}", {"name": "Cloud", "why": "no reason"}, etag=etag, role="manager")
    nothing = await ecps.patch(f"/v1/partners/{PARTNER}", {"name": None, "why": "none"}, etag=etag, role="manager")

    assert (same.status_code, same.json()["history"]) == (200, made["history"])
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (422, "/name")
