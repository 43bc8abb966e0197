"""Reading what belongs to a case: notes, diagnoses, waits, attachments."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from libs.events.values import NoteVisibility
from libs.kit.auth import CASE_READERS
from libs.kit.files import disposition
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, is_set, listed, order
from libs.kit.paging import Page
from libs.kit.problems import Missing
from libs.store import NotFound
from services.cases.model.attachment import Attachment, objects
from services.cases.model.diagnosis import Diagnosis
from services.cases.model.note import Note
from services.cases.queries.access import case_for, shown_to
from services.cases.queries.answers import AttachmentOut, DiagnosisOut, NoteOut, WaitOut, note_out

router = Router(tags=["cases"])


class NoteList(Listing):
    visibility: NoteVisibility | None = None
    sort: str = order("-added_at")


class DiagnosisList(Listing):
    stands: bool | None = Field(None, description="not withdrawn")
    sort: str = order("-diagnosed_at")


class AttachmentList(Listing):
    sort: str = order("-added_at")


@router.get("/v1/cases/{case_id}/notes", dependencies=[allow(*CASE_READERS)])
async def list_notes_route(case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[NoteList, Query()]) -> Page[NoteOut]:
    """The newest first; internal ones for staff only. With those of its parent, whose `case_id` they have."""
    case = await case_for(caller, case_id, tx)
    rows = [Note.c.case_id.in_([case.id, case.parent_id or case.id]), *shown_to(caller, Note.c.visibility)]
    return await listed(tx, Note, asked, rows, out=lambda note: note_out(note, caller))


@router.get("/v1/cases/{case_id}/diagnoses", dependencies=[allow(*CASE_READERS)])
async def list_diagnoses_route(
    case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[DiagnosisList, Query()]
) -> Page[DiagnosisOut]:
    """The newest first."""
    await case_for(caller, case_id, tx)
    withdrawn = None if asked.stands is None else not asked.stands
    rows = [Diagnosis.c.case_id == case_id, *is_set(Diagnosis.c.withdrawn_at, withdrawn)]
    return await listed(tx, Diagnosis, asked, rows, out=DiagnosisOut.model_validate)


@router.get("/v1/cases/{case_id}/waits", dependencies=[allow(*CASE_READERS)])
async def list_waits_route(case_id: UUID, tx: Tx, caller: Caller, stands: bool | None = None) -> Page[WaitOut]:
    """All of them on one page, the oldest first."""
    case = await case_for(caller, case_id, tx)
    return Page(items=[WaitOut.model_validate(w) for w in case.waits if stands is None or w.stands == stands])


@router.get("/v1/cases/{case_id}/attachments", dependencies=[allow(*CASE_READERS)])
async def list_attachments_route(
    case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[AttachmentList, Query()]
) -> Page[AttachmentOut]:
    """The newest first."""
    await case_for(caller, case_id, tx)
    rows = [Attachment.c.case_id == case_id, *shown_to(caller, Attachment.c.visibility)]
    return await listed(tx, Attachment, asked, rows, out=AttachmentOut.model_validate)


@router.get(
    "/v1/cases/{case_id}/attachments/{attachment_id}",
    dependencies=[allow(*CASE_READERS)],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_attachment_route(case_id: UUID, attachment_id: UUID, tx: Tx, caller: Caller) -> Response:
    """The bytes, for saving and never for showing: what a customer sent is not ours to run."""
    case = await case_for(caller, case_id, tx)
    file = await Attachment.get(attachment_id, tx)
    while case.merged_into and case.id != file.case_id:  # it went with the case, and its notes name it still
        case = await case_for(caller, case.merged_into, tx)
    if file.case_id != case.id or (file.visibility == "internal" and not caller.staff):
        raise NotFound("attachment", attachment_id)
    if file.redacted:
        raise Missing("This file was taken out.", redacted=file.redacted.model_dump(mode="json"))
    try:
        content = await objects.get(file.sha256)
    except FileNotFoundError:
        raise Missing("The bytes of this attachment are not in the object store.", sha256=file.sha256) from None
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            **disposition(file.file_name),
            "x-content-type-options": "nosniff",
            "x-file-type": file.content_type,
            "x-sha256": file.sha256,
        },
    )
