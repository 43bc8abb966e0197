"""Reading cases."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.events.values import Instant, Priority, Severity
from libs.kit.auth import CASE_READERS
from libs.kit.fields import Line, Serial, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import COUNTS, DatedListing, Summarised, contains, listed, order
from libs.kit.paging import Page
from services.cases.model.case import Case, case_external_ids
from services.cases.model.lifecycle import OPEN, OVER, CaseState
from services.cases.queries.access import case_for, visible_to
from services.cases.queries.answers import CaseDetail, CaseOut, CaseSummary, assignees, case_line, case_out, fields_out

router = Router(tags=["cases"])


class CaseList(Summarised, DatedListing):
    found_by: ClassVar[Sequence[str]] = ("number", "serial")

    q: Word | None = Field(None, description="a case's number, or a unit's serial")
    state: list[CaseState] | None = None
    open: bool | None = Field(None, description="neither resolved nor over")
    severity: Severity | None = None
    priority: Priority | None = None
    account_id: UUID | None = None
    serial: Serial | None = None
    number: Line | None = None
    queue: Line | None = None
    assignee: UUID | None = Field(None, description="a person's id")
    problem_id: UUID | None = None
    parent_id: UUID | None = None
    external_id: Line | None = None
    opened_from: Instant | None = None
    opened_before: Instant | None = None
    counts: list[Literal["state", "severity", "priority"]] | None = Field(None, description=COUNTS)
    sort: str = order("-opened_at", "updated_at")


@router.get("/v1/cases", dependencies=[allow(*CASE_READERS)])
async def list_cases_route(
    tx: Tx, caller: Caller, asked: Annotated[CaseList, Query()]
) -> Page[CaseOut] | Page[CaseSummary]:
    """The newest first."""
    rows = visible_to(caller)
    if asked.open is not None:
        rows.append(Case.c.state.in_(OPEN if asked.open else OVER))
    if asked.external_id:
        its = sa.select(case_external_ids.c.case_id).where(case_external_ids.c.external_id == asked.external_id)
        rows.append(Case.c.id.in_(its))
    shown = case_line if asked.view == "summary" else case_out
    return await listed(
        tx,
        Case,
        asked,
        rows,
        out=lambda case: shown(case, caller, tx),
        beside=lambda cases: assignees(cases, tx),
    )


@router.get("/v1/cases/{case_id}", dependencies=[allow(*CASE_READERS)])
async def get_case_route(case_id: UUID, tx: Tx, caller: Caller) -> CaseDetail:
    case = await case_for(caller, case_id, tx)
    mine = Case.c.account_id == case.account_id
    children = await tx.fetch(sa.select(Case.c.id).where(mine, Case.c.parent_id == case_id).order_by(Case.c.id))
    duplicates = []
    if case.serial:
        # One that was corrected since is about another unit.
        linked = Case.c.id.in_(case.duplicate_of) | contains(Case.c.duplicate_of, [str(case_id)])
        same = mine, Case.c.serial == case.serial, linked
        duplicates = await tx.fetch(sa.select(Case.c.id).where(*same).order_by(Case.c.id))
    return CaseDetail.model_validate(
        {
            **await fields_out(case, caller, tx),
            "children": [r["id"] for r in children],
            "duplicates": [r["id"] for r in duplicates],
        }
    )
