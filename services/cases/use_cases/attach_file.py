"""A file for a case: the body is the file itself, its checksum is kept and can be announced."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Query, Request

from libs.events.values import NoteVisibility
from libs.kit.auth import CASE_WRITERS
from libs.kit.http import Caller, Router, Tx, allow, body_limit
from libs.kit.problems import BadRequest, Forbidden
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.attachment import Attachment, AttachmentTooLarge, ChecksumMismatch, objects
from services.cases.model.case import Case
from services.cases.model.policy import policies
from services.cases.queries.access import case_for
from services.cases.queries.answers import AttachmentOut

router = Router(tags=["cases"])
HARD_LIMIT = 25 * 2**20
"""Bytes; the policy of `attachment_max_bytes` is never above."""
FileName = Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f\x7f]+$")]
Checksum = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of the body, in hexadecimal")]
ContentType = Annotated[str, Header(max_length=120, pattern=r"^[\w.+-]+/[\w.+-]+(;[\x20-\x7e]*)?$")]


class EmptyFile(BadRequest):
    """There is nothing to keep."""


async def attach_file(
    case: Case, content: bytes, name: str, kind: str, visibility: NoteVisibility, actor: Actor, tx: Transaction
) -> Attachment:
    """`kind` is its media type. Raises what `permit` raises, EmptyFile and AttachmentTooLarge."""
    case.permit("attachments")
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    limit = policy.attachment_max_bytes
    if not content:
        raise EmptyFile("The body is the file, and it is empty.")
    if len(content) > limit:
        raise AttachmentTooLarge(f"At most {limit} bytes.", limit=limit)
    file = Attachment(
        id=new_id(),
        account_id=case.account_id,
        case_id=case.id,
        file_name=name,
        content_type=kind,
        size=len(content),
        sha256=await objects.put(content),
        visibility=visibility,
        **actor.facts(),
        added_at=tx.now,
    )
    return tx.add(file)


@router.post(
    "/v1/cases/{case_id}/attachments",
    dependencies=[
        allow(*CASE_WRITERS),
        body_limit(HARD_LIMIT),
    ],
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def attach_file_route(
    case_id: UUID,
    request: Request,
    tx: Tx,
    caller: Caller,
    file_name: FileName,
    visibility: NoteVisibility = "public",
    sha256: Checksum = None,
    content_type: ContentType = "application/octet-stream",
) -> AttachmentOut:
    """Send the file as the body; name it in `attachment_ids` of a note to say what it is."""
    if visibility == "internal" and not caller.staff:
        raise Forbidden("Internal files are among ourselves.")
    case = await case_for(caller, case_id, tx, lock=True)
    file = await attach_file(case, await request.body(), file_name, content_type, visibility, Actor.of(caller), tx)
    if sha256 and sha256 != file.sha256:
        raise ChecksumMismatch("The body is not the file that was announced.", announced=sha256, received=file.sha256)
    return AttachmentOut.model_validate(file)
