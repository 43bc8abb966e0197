"""Files as forms send them."""

from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx

from services.cases.tests.builders import ACCOUNT, CUSTOMER, opened
from tests.support.harness import Harness
from tests.support.refusals import refusal

CONTENT = b"camera: lost\r\n\r\n--x--\r\n" * 100


async def send(h: Harness, case_id: UUID, *, key: str | None = None, query: str = "", **form: Any) -> httpx.Response:
    headers = {
        "authorization": f"Bearer {h.token('customer', [ACCOUNT])}",
        "idempotency-key": key or str(uuid4()),
    }
    return await h.http.post(f"/v1/cases/{case_id}/attachments{query}", headers=headers, **form)


async def test_of_a_form_the_file_is_kept_and_not_the_form(cases: Harness) -> None:
    case_id = await opened(cases)
    answer = await send(cases, case_id, files={"file": ("nhật ký.txt", CONTENT, "text/plain")})
    assert answer.status_code == 201
    file = answer.json()
    assert (file["file_name"], file["content_type"], file["size"]) == ("nhật ký.txt", "text/plain", len(CONTENT))
    got = await cases.get(f"/v1/cases/{case_id}/attachments/{file['id']}", **CUSTOMER)
    assert got.content == CONTENT
    named = f"attachment; filename=\"nhat ky.txt\"; filename*=UTF-8''{quote('nhật ký.txt')}"
    assert got.headers["content-disposition"] == named
    assert answer.headers["location"] == f"/v1/cases/{case_id}/attachments/{file['id']}"


async def test_what_the_form_says_counts(cases: Harness) -> None:
    case_id = await opened(cases)
    form: dict[str, Any] = {"files": {"file": ("a.txt", CONTENT)}, "data": {"file_name": "b.txt", "sha256": "0" * 64}}
    refused = await send(cases, case_id, **form)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:polyplus:problem:checksum-mismatch")
    internal = await send(cases, case_id, files={"file": ("a.txt", CONTENT)}, data={"visibility": "internal"})
    assert internal.status_code == 403
    form["data"].pop("sha256")
    assert (await send(cases, case_id, **form)).json()["file_name"] == "b.txt"
    named = await send(cases, case_id, query="?file_name=c.txt", files={"file": ("a.txt", CONTENT)})
    assert named.json()["file_name"] == "c.txt"


async def test_a_form_that_is_none_or_has_no_file_is_refused(cases: Harness) -> None:
    case_id = await opened(cases)
    assert (await send(cases, case_id, files={"another": ("a.txt", CONTENT)})).status_code == 400
    path = await send(cases, case_id, files={"file": ("a/b.txt", CONTENT)})
    assert refusal(path) == (422, "/file_name")
    unknown = await send(cases, case_id, files={"file": ("a.txt", CONTENT)}, data={"colour": "red"})
    assert [each["pointer"] for each in unknown.json()["errors"]] == ["/colour"]
    nameless = await send(cases, case_id, content=CONTENT)
    assert (nameless.status_code, nameless.json()["errors"][0]["pointer"]) == (422, "/file_name")


async def test_another_boundary_is_no_other_request(cases: Harness) -> None:
    case_id = await opened(cases)
    sent = [await send(cases, case_id, key="k", files={"file": ("a.txt", CONTENT)}) for _ in range(2)]
    assert sent[0].content == sent[1].content
    assert sent[1].headers["idempotent-replayed"] == "true"
    other = await send(cases, case_id, key="k", files={"file": ("a.txt", CONTENT + b"!")})
    assert refusal(other) == (422, "idempotency-key-reused")
