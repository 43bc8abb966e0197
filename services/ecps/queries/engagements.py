"""Reads: engagements, what was said with the partner, and the findings."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from libs.events.ecps import NotOpenable
from libs.events.values import Instant, Language, NoteOrigin
from libs.kit.auth import CASE_READERS, STAFF, Principal
from libs.kit.fields import Word
from libs.kit.files import disposition
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import COUNTS, DatedListing, Listing, Out, Summarised, listed, order
from libs.kit.paging import Page
from libs.kit.rows import visible
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement, EngagementChange, EngagementState
from services.ecps.model.engagement_note import Delivery, EngagementNote
from services.ecps.model.findings import Findings, findings_of
from services.ecps.model.partner import ConnectorKind, Partner
from services.ecps.queries.access import COMMANDS, Command, EngagementAndCase, visible_to

router = Router(tags=["partner engagements"])
_PATH = "/v1/partner-engagements"


class EngagementSummary(Out):
    """One line of a board."""

    id: UUID
    number: str
    account_id: UUID
    case_id: UUID
    partner_id: UUID
    partner_name: str
    state: EngagementState
    reason: NotOpenable | None
    ticket_number: str | None
    partner_state: str | None
    last_heard_at: datetime | None
    partner_response_due: datetime | None
    level: int
    created_at: datetime
    updated_at: datetime


class EngagementOut(EngagementSummary):
    """`possible` is what the caller can do now. `response_seconds` is ours since the customer asked; the partner's are counted from
    the ticket's opening."""

    possible: list[Command]
    diagnosis_id: UUID
    language: Language
    explanation: str | None
    connector: ConnectorKind | None
    our_reference: str
    ticket_url: str | None
    agreement_reference: str | None
    asked_at: datetime
    opened_at: datetime | None
    response_seconds: int | None
    first_heard_at: datetime | None
    partner_response_seconds: int | None
    partner_resolution_seconds: int | None
    resolution: str | None
    history: list[EngagementChange]

    @classmethod
    def of(cls, its: EngagementAndCase, caller: Principal) -> Self:
        """As a caller reads it."""
        return cls.model_validate({**vars(its.engagement), "possible": COMMANDS.possible(caller.role, its)})


class NoteOut(Out):
    id: UUID
    engagement_id: UUID
    direction: str
    origin: NoteOrigin
    author: str
    text: str | None
    partner_event: str | None
    partner_state: str | None
    delivery: Delivery
    said_at: datetime


async def engagement_for(
    caller: Principal, id: UUID, tx: Transaction, command: Command | None = None
) -> EngagementAndCase:
    """The engagement, if this caller may see it, and what is known of its case. For a command it is locked, and has to take it.

    Raises NotFound for another's just as for none, and for a command what `COMMANDS.permit` raises.
    """
    engagement = await visible(Engagement, id, visible_to(caller), tx, lock=command is not None)
    its = EngagementAndCase(engagement, await CaseFile.get(engagement.case_id, tx))
    if command:
        COMMANDS.permit(command, caller.role, its)
    return its


class EngagementList(Summarised, DatedListing):
    found_by: ClassVar[Sequence[str]] = ("number",)

    q: Word | None = Field(None, description="an engagement's number")
    case_id: UUID | None = None
    partner_id: UUID | None = None
    account_id: UUID | None = None
    diagnosis_id: UUID | None = None
    state: EngagementState | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    counts: list[Literal["state"]] | None = Field(None, description=COUNTS)
    sort: str = order("-created_at", "updated_at")


@router.get(_PATH, dependencies=[allow(*CASE_READERS)])
async def list_engagements_route(
    tx: Tx, caller: Caller, asked: Annotated[EngagementList, Query()]
) -> Page[EngagementOut] | Page[EngagementSummary]:
    """The newest first."""

    async def out(engagement: Engagement) -> EngagementOut:
        return EngagementOut.of(EngagementAndCase(engagement, await CaseFile.get(engagement.case_id, tx)), caller)

    async def cases(engagements: Sequence[Engagement]) -> None:
        await tx.find_many(CaseFile, [each.case_id for each in engagements])

    return await listed(tx, Engagement, asked, visible_to(caller), out=out, beside=cases, summary=EngagementSummary)


@router.get(_PATH + "/{engagement_id}", dependencies=[allow(*CASE_READERS)])
async def get_engagement_route(engagement_id: UUID, tx: Tx, caller: Caller) -> EngagementOut:
    """One engagement: its state, the partner's ticket, and the response times of both sides (S4)."""
    return EngagementOut.of(await engagement_for(caller, engagement_id, tx), caller)


class EngagementNoteList(Listing):
    sort: str = order("-said_at")


@router.get(_PATH + "/{engagement_id}/notes", dependencies=[allow("partner", *STAFF)])
async def list_engagement_notes_route(
    engagement_id: UUID, tx: Tx, caller: Caller, asked: Annotated[EngagementNoteList, Query()]
) -> Page[NoteOut]:
    """What was said with the partner, the newest first; the customer reads what concerns them on the case."""
    engagement, _ = await engagement_for(caller, engagement_id, tx)
    rows = [EngagementNote.c.engagement_id == engagement.id]
    return await listed(tx, EngagementNote, asked, rows, out=NoteOut.model_validate)


@router.get(_PATH + "/{engagement_id}/findings", dependencies=[allow(*CASE_READERS)])
@router.get(_PATH + "/{engagement_id}/findings.json", dependencies=[allow(*CASE_READERS)], include_in_schema=False)
async def get_findings_route(engagement_id: UUID, tx: Tx, caller: Caller) -> Findings:
    """What we found, in the customer's language, with the partner's ticket number or else the partner's contact."""
    return (await _findings(engagement_id, tx, caller))[0]


@router.get(
    _PATH + "/{engagement_id}/findings.pdf",
    dependencies=[allow(*CASE_READERS)],
    response_class=Response,
    responses={200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_findings_pdf_route(engagement_id: UUID, tx: Tx, caller: Caller) -> Response:
    """The same on paper."""
    findings, time_zone = await _findings(engagement_id, tx, caller)
    # 28 MiB with its fonts: only who asks for one pays for it.
    from services.ecps.model.findings_pdf import findings_pdf

    pdf = await asyncio.to_thread(findings_pdf, findings, time_zone)
    return Response(pdf, media_type="application/pdf", headers=disposition(f"{findings.reference}.pdf", shown=True))


async def _findings(engagement_id: UUID, tx: Transaction, caller: Principal) -> tuple[Findings, str]:
    engagement, case = await engagement_for(caller, engagement_id, tx)
    partner = await Partner.find(engagement.partner_id, tx)
    return findings_of(engagement, case, partner), case.time_zone
