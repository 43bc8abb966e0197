"""Reading cases."""

from collections import Counter
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.kit.auth import CASE_READERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import contains, listed
from libs.kit.paging import Page
from services.cases.model.case import Case
from services.cases.queries.access import case_for
from services.cases.queries.answers import CaseDetail, CaseOut, CaseSummary, assignees, case_line, case_out, fields_out
from services.cases.queries.case_list import CaseList, rows_of
from services.cases.queries.case_search import search_for
from services.cases.queries.tagged import tagged
from services.cases.queries.time_entries import minutes_spent_on

router = Router(tags=["cases"])


@router.get("/v1/cases", dependencies=[allow(*CASE_READERS)])
async def list_cases_route(
    tx: Tx, caller: Caller, asked: Annotated[CaseList, Query()]
) -> Page[CaseOut] | Page[CaseSummary]:
    """The newest first. `sort=next_due` is for staff: what is due first, and last the cases whose clocks all rest."""
    asked, rows = rows_of(asked, caller)
    of_tag = tagged(asked.tag, caller, asked.sort)
    rows += of_tag.rows
    shown = case_line if asked.view == "summary" else case_out
    search = await search_for(asked.q, asked, caller, tx) if asked.q else None
    page = await listed(
        tx,
        Case,
        asked,
        [*rows, search.rows] if search else rows,
        out=lambda case: shown(case, caller, tx),
        beside=lambda cases: assignees(cases, tx),
        by=search.keys if search else of_tag.keys,
    )
    return search.continued(page, asked) if search else page


@router.get("/v1/cases/{case_id}", dependencies=[allow(*CASE_READERS)])
async def get_case_route(case_id: UUID, tx: Tx, caller: Caller) -> CaseDetail:
    case = await case_for(caller, case_id, tx)
    mine = Case.c.account_id == case.account_id
    below = sa.select(Case.c.id, Case.c.state).where(mine, Case.c.parent_id == case_id)
    children = await tx.fetch(below.order_by(Case.c.id))
    parts = []
    if case.is_incident and caller.staff:
        counted = sa.select(Case.c.state, sa.func.count().label("cases")).where(Case.c.incident_id == case_id)
        parts = await tx.fetch(counted.group_by(Case.c.state))
    duplicates = []
    if case.serial:
        # One that was corrected since is about another unit.
        linked = Case.c.id.in_(case.duplicate_of) | contains(Case.c.duplicate_of, [str(case_id)])
        same = mine, Case.c.serial == case.serial, linked
        duplicates = await tx.fetch(sa.select(Case.c.id).where(*same).order_by(Case.c.id))
    merged = await tx.fetch(sa.select(Case.c.id).where(mine, Case.c.merged_into == case_id).order_by(Case.c.id))
    split = await tx.fetch(sa.select(Case.c.id).where(mine, Case.c.split_from == case_id).order_by(Case.c.id))
    return CaseDetail.model_validate(
        {
            **await fields_out(case, caller, tx),
            "children": [r["id"] for r in children],
            "children_states": Counter(r["state"] for r in children),
            "incident_states": {r["state"]: r["cases"] for r in parts},
            "duplicates": [r["id"] for r in duplicates],
            "merged": [r["id"] for r in merged],
            "split_into": [r["id"] for r in split],
            "minutes_spent": await minutes_spent_on(case_id, tx) if caller.staff else None,
        }
    )
