"""Replies that are written once, in both languages, and what one says for a case."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events import Event
from libs.events.entitlements import ContactState
from services.cases.tests.builders import ACCOUNT, CUSTOMER, Clock, coverage, did, opened
from tests.support.forgetting import erased
from tests.support.harness import Harness
from tests.support.refusals import refusal

MANAGER: dict[str, Any] = {"role": "manager"}
ASKED = {
    "name": "Hỏi phiên bản",
    "text_vi": "Kính gửi {{contact_name}}, yêu cầu {{case_number}} ({{serial}}): xin cho biết phiên bản. Trả lời trước {{ answer_by }}.",
    "text_en": "Dear {{contact_name}}, {{case_number}} ({{product_number}} {{serial}}): which firmware? We answer by {{answer_by}}.",
}


async def a_template(h: Harness, **fields: Any) -> dict[str, Any]:
    answer = await h.post("/v1/reply-templates", {**ASKED, **fields}, **MANAGER)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/reply-templates/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


async def preview(h: Harness, template: dict[str, Any], case_id: UUID, **who: Any) -> dict[str, Any]:
    answer = await h.get(f"/v1/reply-templates/{template['id']}/preview?case_id={case_id}", **who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_contact(h: Harness, name: str = "Phạm Thị An") -> UUID:
    an = uuid4()
    await h.learn({an: ContactState(account_id=ACCOUNT, name=name, language="vi", authorised=True)})
    return an


async def test_a_reply_says_what_the_case_says_in_its_language(cases: Harness) -> None:
    template, an = await a_template(cases), await a_contact(cases)
    case_id = await opened(cases, contact_id=str(an))
    await cases.deliver(coverage(case_id))
    due = datetime(2030, 1, 2, 7, 30, tzinfo=UTC)
    await cases.deliver(Clock(case_id, "first_response").started(due))
    number = (await cases.get(f"/v1/cases/{case_id}")).json()["number"]
    assert await preview(cases, template, case_id) == {
        "language": "vi",
        "text": f"Kính gửi Phạm Thị An, yêu cầu {number} (SN-1): xin cho biết phiên bản. "
        "Trả lời trước 14:30 ngày 02/01/2030 (Asia/Ho_Chi_Minh).",
        "missing": [],
    }
    english = await opened(cases, contact_id=str(an), language="en", serial="SN-2")
    await cases.deliver(Clock(english, "first_response").started(due))
    reply = await preview(cases, template, english)
    assert reply["text"].startswith("Dear Phạm Thị An, CASE-")
    assert reply["text"].endswith(
        "(83Z52AA SN-2): which firmware? We answer by 14:30 on 2030-01-02 (Asia/Ho_Chi_Minh)."
    )


async def test_what_the_case_does_not_say_is_named_and_left_as_a_place(cases: Harness) -> None:
    template = await a_template(cases)
    case_id = await opened(cases, serial=None, product_number=None, no_product_reason="not at hand", language="en")
    reply = await preview(cases, template, case_id)
    assert reply["missing"] == ["product_number", "serial", "answer_by"]
    assert "Dear customer, " in reply["text"]
    assert "({{product_number}} {{serial}})" in reply["text"]


async def test_who_is_forgotten_is_addressed_without_a_name(cases: Harness) -> None:
    template, an = await a_template(cases), await a_contact(cases)
    case_id = await opened(cases, contact_id=str(an))
    assert "Phạm Thị An" in (await preview(cases, template, case_id))["text"]
    await cases.deliver(erased(an, ACCOUNT))
    assert "Kính gửi quý khách, " in (await preview(cases, template, case_id))["text"]


async def test_a_preview_leaves_no_name_behind(cases: Harness) -> None:
    template, an = await a_template(cases), await a_contact(cases, "Vũ Thị Không Dấu Vết")
    case_id = await opened(cases, contact_id=str(an))
    before: list[Event] = await cases.events()
    await preview(cases, template, case_id)
    assert await cases.events() == before
    async with cases.transaction() as tx:
        tables = await tx.connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = [
            name
            for (name,) in tables
            if await tx.connection.fetchval(f"SELECT count(*) FROM {name} t WHERE t::text LIKE '%Dấu Vết%'")
        ]
    assert found == ["contacts"]


async def test_a_template_is_found_by_words_of_its_name_and_of_what_it_says(cases: Harness) -> None:
    asked = await a_template(cases)
    other = await a_template(cases, name="Cảm ơn", text_vi="Cảm ơn quý khách.", text_en="Thank you.")

    async def found(query: str) -> list[str]:
        return [each["id"] for each in (await cases.get(f"/v1/reply-templates?{query}")).json()["items"]]

    assert await found("") == [other["id"], asked["id"]]
    assert await found("q=phien ban") == await found("q=firmware") == [asked["id"]]
    assert await found("q=cảm") == [other["id"]]
    path = f"/v1/reply-templates/{asked['id']}"
    etag = (await cases.get(path)).headers["etag"]
    assert (await cases.patch(path, {"active": False}, etag=etag, **MANAGER)).status_code == 200
    assert await found("active=true") == [other["id"]]
    assert await found("active=false") == [asked["id"]]


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_a_text_in_one_language_only_is_refused_and_says_which_is_missing(language: str, cases: Harness) -> None:
    body = {name: value for name, value in ASKED.items() if name != f"text_{language}"}
    for sent in (body, {**body, f"text_{language}": "  "}):
        answer = await cases.post("/v1/reply-templates", sent, **MANAGER)
        assert refusal(answer) == (422, f"/text_{language}")
    assert (await cases.get("/v1/reply-templates")).json()["items"] == []


@pytest.mark.parametrize("text", ["{{name}}", "{{contact.name}}", "{{ }}", "{{serial}", "serial}}", "{{next_due}}"])
@pytest.mark.parametrize("field", ["text_vi", "text_en"])
async def test_an_unknown_place_is_refused_when_it_is_saved(field: str, text: str, cases: Harness) -> None:
    answer = await cases.post("/v1/reply-templates", {**ASKED, field: f"Hello {text}"}, **MANAGER)
    assert refusal(answer) == (422, "unknown-placeholder")
    assert answer.json()["field"] == field
    assert "contact_name" in answer.json()["known"]
    template = await a_template(cases)
    path = f"/v1/reply-templates/{template['id']}"
    etag = (await cases.get(path)).headers["etag"]
    answer = await cases.patch(path, {field: f"Hello {text}"}, etag=etag, **MANAGER)
    assert refusal(answer) == (422, "unknown-placeholder")
    assert (await cases.get(path)).json()[field] == ASKED[field]


async def test_a_name_is_given_once(cases: Harness) -> None:
    first, other = await a_template(cases), await a_template(cases, name="Other")
    assert refusal(await cases.post("/v1/reply-templates", ASKED, **MANAGER)) == (409, "there-already")
    path = f"/v1/reply-templates/{other['id']}"
    etag = (await cases.get(path)).headers["etag"]
    answer = await cases.patch(path, {"name": first["name"]}, etag=etag, **MANAGER)
    assert refusal(answer) == (409, "there-already")
    assert (await cases.patch(path, {"name": "Other"}, etag=etag, **MANAGER)).status_code == 200


async def test_nobodys_change_is_lost(cases: Harness) -> None:
    template = await a_template(cases)
    path = f"/v1/reply-templates/{template['id']}"
    etag = (await cases.get(path)).headers["etag"]
    assert (await cases.patch(path, {"text_en": "One"}, etag=etag, **MANAGER)).status_code == 200
    assert (await cases.patch(path, {"text_en": "Two"}, etag=etag, **MANAGER)).status_code == 412
    assert (await cases.request("PATCH", path, {"text_en": "Two"}, **MANAGER)).status_code == 428
    assert (await cases.get(path)).json()["text_en"] == "One"


async def test_engineers_use_what_managers_write(cases: Harness) -> None:
    template, case_id = await a_template(cases), await opened(cases)
    path = f"/v1/reply-templates/{template['id']}"
    assert refusal(await cases.post("/v1/reply-templates", ASKED)) == (403, "forbidden")
    assert refusal(await cases.patch(path, {"name": "x"}, etag='"0"')) == (403, "forbidden")
    assert refusal(await cases.get(path, **CUSTOMER)) == (403, "forbidden")
    assert refusal(await cases.get(f"{path}/preview?case_id={case_id}", **CUSTOMER)) == (403, "forbidden")
    assert (await cases.get(f"{path}/preview?case_id={uuid4()}")).status_code == 404
    said = await preview(cases, template, case_id)
    await did(cases, case_id, "notes", {"text": said["text"], "visibility": "public"})
