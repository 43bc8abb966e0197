"""Notes, the first response, and attachments."""

import hashlib
from uuid import UUID, uuid4

import httpx
import pytest

from libs.events.cases_work import FirstResponseSent, InternalNoteAdded, NoteAdded
from services.cases.tests.builders import ACCOUNT, CUSTOMER, STRANGER, did, in_progress, names, opened
from tests.support.harness import Harness
from tests.support.refusals import refusal


async def test_an_engineers_first_public_note_is_the_first_response(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "notes", {"text": "still down"}, **CUSTOMER)
    await did(cases, case_id, "notes", {"text": "looks like the camera", "visibility": "internal"})
    assert await cases.events(FirstResponseSent) == []
    await did(cases, case_id, "notes", {"text": "Chúng tôi đang kiểm tra.", "visibility": "public"})
    await did(cases, case_id, "notes", {"text": "Vẫn đang kiểm tra.", "visibility": "public"})

    assert len(await cases.events(FirstResponseSent)) == 1
    assert [n.origin for n in await cases.events(NoteAdded)] == ["customer", "support", "support"]
    assert len(await cases.events(InternalNoteAdded)) == 1


async def test_internal_notes_stay_among_ourselves(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "notes", {"text": "the customer is upset"})
    await did(cases, case_id, "notes", {"text": "we are on it", "visibility": "public"})

    seen = (await cases.get(f"/v1/cases/{case_id}/notes", **CUSTOMER)).json()["items"]
    assert [n["text"] for n in seen] == ["we are on it"]
    asked = await cases.get(f"/v1/cases/{case_id}/notes?visibility=internal", **CUSTOMER)
    assert asked.json()["items"] == []
    assert len((await cases.get(f"/v1/cases/{case_id}/notes")).json()["items"]) == 2
    sly = await cases.post(f"/v1/cases/{case_id}/notes", {"text": "x", "visibility": "internal"}, **CUSTOMER)
    assert sly.status_code == 403


async def attach(h: Harness, case_id: UUID, content: bytes, name: str = "log.txt", **how: str) -> httpx.Response:
    token = h.token("customer", [ACCOUNT])
    headers = {"authorization": f"Bearer {token}", "idempotency-key": str(uuid4()), "content-type": "text/plain"}
    return await h.http.post(
        f"/v1/cases/{case_id}/attachments", params={"file_name": name, **how}, content=content, headers=headers
    )


async def test_a_file_comes_back_as_it_was_with_its_checksum(cases: Harness) -> None:
    case_id, content = await opened(cases), b"camera: lost\n" * 1000
    answer = await attach(cases, case_id, content, "nhật ký.txt")
    assert answer.status_code == 201
    file = answer.json()
    assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())

    got = await cases.get(f"/v1/cases/{case_id}/attachments/{file['id']}", **CUSTOMER)
    assert got.content == content
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    note = await did(cases, case_id, "notes", {"text": "log", "attachment_ids": [file["id"]]}, **CUSTOMER)
    assert note["attachment_ids"] == [file["id"]]
    listed = (await cases.get(f"/v1/cases/{case_id}/attachments", **CUSTOMER)).json()["items"]
    assert [f["file_name"] for f in listed] == ["nhật ký.txt"]


async def test_a_file_belongs_to_its_case_and_account(cases: Harness) -> None:
    mine, other = await opened(cases), await opened(cases)
    file = (await attach(cases, mine, b"log")).json()["id"]

    assert (await cases.get(f"/v1/cases/{other}/attachments/{file}", **CUSTOMER)).status_code == 404
    assert (await cases.get(f"/v1/cases/{mine}/attachments/{file}", **STRANGER)).status_code == 404
    note = await cases.post(f"/v1/cases/{other}/notes", {"text": "x", "attachment_ids": [file]}, **CUSTOMER)
    assert refusal(note) == (422, "no-such-attachment")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "a\nb"])
async def test_a_file_name_is_a_name_and_no_path(cases: Harness, name: str) -> None:
    assert refusal(await attach(cases, await opened(cases), b"log", name)) == (422, "/file_name")


async def test_empty_wrong_and_oversized_files_are_refused(cases: Harness) -> None:
    case_id = await opened(cases)
    small = {"settings": {"attachment_max_bytes": 10}, "why": "a small disk"}
    await cases.post("/v1/cases-policies", small, role="manager")

    assert (await attach(cases, case_id, b"")).status_code == 400
    assert (await attach(cases, case_id, b"01234567890")).status_code == 413
    assert refusal(await attach(cases, case_id, b"0123456789", sha256="0" * 64)) == (422, "checksum-mismatch")
    assert (await attach(cases, case_id, b"x" * (25 * 2**20 + 1))).status_code == 413
    assert (await cases.get(f"/v1/cases/{case_id}/attachments")).json()["items"] == []


async def test_a_workaround_is_given_with_why_it_is_appropriate(cases: Harness) -> None:
    case_id = await in_progress(cases)
    body = {"text": "Use the USB camera.", "appropriate_because": "the part takes a day"}
    case = await did(cases, case_id, "workaround", body)

    assert case["workarounds"][0]["appropriate_because"] == "the part takes a day"
    assert names(await cases.events())[-1] == "WorkaroundProvided"
    without = await cases.post(f"/v1/cases/{case_id}/workaround", {"text": "x"})
    assert refusal(without) == (422, "/appropriate_because")
