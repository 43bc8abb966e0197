"""A file for a case: the body itself, or the part `file` of a form; its checksum is kept and can be announced."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from libs.events.values import NoteVisibility
from libs.kit.http import Caller, Command, Router, Tx, allow, body_limit
from libs.kit.problems import BadRequest, Forbidden
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.attachment import Attachment, AttachmentTooLarge, ChecksumMismatch, hold, objects
from services.cases.model.case import Case
from services.cases.model.policy import policies
from services.cases.queries.access import COMMANDS, case_that_hears
from services.cases.queries.answers import AttachmentOut

router = Router(tags=["cases"])
HARD_LIMIT = 25 * 2**20
"""Bytes; the policy of `attachment_max_bytes` is never above."""
FileName = Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f\x7f]+$")]
Checksum = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of the body, in hexadecimal")]
ContentType = Annotated[
    str, Header(max_length=120, pattern=r"^[\w.+-]+/[\w.+-]+(;[\x20-\x7e]*)?$", include_in_schema=False)
]
"""Says nothing in the document: there a header of this name is the body's media type and no parameter."""
_BINARY = {"type": "string", "format": "binary"}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": _BINARY,
        "file_name": {"type": "string", "description": "Where it is not the one that the file's part names."},
        "visibility": {"type": "string", "enum": ["public", "internal"]},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
}


class SentFile(Command):
    """A file and what is said of it, however it was sent."""

    content: bytes
    file_name: FileName
    content_type: ContentType = "application/octet-stream"
    visibility: NoteVisibility = "public"
    sha256: Checksum = None


class EmptyFile(BadRequest):
    """There is nothing to keep."""


async def attach_file(case: Case, sent: SentFile, actor: Actor, tx: Transaction) -> Attachment:
    """Raises EmptyFile and AttachmentTooLarge."""
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    limit = policy.attachment_max_bytes
    if not sent.content:
        raise EmptyFile("The file is empty.")
    if len(sent.content) > limit:
        raise AttachmentTooLarge(f"At most {limit} bytes.", limit=limit)
    sha256 = hashlib.sha256(sent.content).hexdigest()
    await hold(sha256, tx)
    await objects.put(sha256, sent.content)
    file = Attachment(
        id=new_id(),
        account_id=case.account_id,
        case_id=case.id,
        file_name=sent.file_name,
        content_type=sent.content_type,
        size=len(sent.content),
        sha256=sha256,
        visibility=sent.visibility,
        **actor.facts(),
        added_at=tx.now,
    )
    return tx.add(file)


def _sent(told: dict[str, Any], place: str) -> SentFile:
    try:
        return SentFile.model_validate({name: value for name, value in told.items() if value is not None})
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**each, "loc": (place, *each["loc"])} for each in errors]) from None


async def _of_form(request: Request, told: dict[str, Any]) -> dict[str, Any]:
    """A form's file with what its fields say, else the query. Raises BadRequest."""
    async with request.form(max_files=1, max_fields=5, max_part_size=1024) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadRequest("The form has no file in a part called `file`.")
        fields = {name: value for name, value in form.multi_items() if name != "file"}
        named = {"file_name": told["file_name"] or file.filename, "content_type": file.content_type}
        return {**told, **named, **fields, "content": await file.read()}


@router.post(
    "/v1/cases/{case_id}/attachments",
    dependencies=[
        allow(*COMMANDS.roles("attachments")),
        body_limit(HARD_LIMIT),
    ],
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": _BINARY}, "multipart/form-data": {"schema": _FORM}},
        }
    },
)
async def attach_file_route(
    case_id: UUID,
    request: Request,
    tx: Tx,
    caller: Caller,
    file_name: FileName | None = None,
    visibility: NoteVisibility = "public",
    sha256: Checksum = None,
    content_type: ContentType = "application/octet-stream",
) -> AttachmentOut:
    """Send the file as the body, with `file_name`, or as the part `file` of a form, whose fields count before the query's.

    Name it in `attachment_ids` of a note to say what it is. One for a duplicate that was merged is the other case's (`case_id`).
    """
    told = {"file_name": file_name, "visibility": visibility, "sha256": sha256}
    if content_type.startswith("multipart/form-data"):
        sent = _sent(await _of_form(request, told), "body")
    else:
        sent = _sent({**told, "content_type": content_type, "content": await request.body()}, "query")
    if sent.visibility == "internal" and not caller.staff:
        raise Forbidden("Internal files are among ourselves.")
    case = await case_that_hears(caller, case_id, tx, command="attachments")
    file = await attach_file(case, sent, Actor.of(caller), tx)
    if sent.sha256 and sent.sha256 != file.sha256:
        raise ChecksumMismatch(
            "The file is not the one that was announced.", announced=sent.sha256, received=file.sha256
        )
    return AttachmentOut.model_validate(file)
