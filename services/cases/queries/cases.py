"""Reading cases."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.events.values import Priority, Severity
from libs.kit.auth import CASE_READERS
from libs.kit.fields import Line, Serial
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging
from services.cases.model.case import Case, case_external_ids
from services.cases.model.lifecycle import OPEN, OVER, CaseState, possible
from services.cases.queries.access import case_for, json_contains, newest, visible_to
from services.cases.queries.answers import CaseDetail, CaseOut, case_out

router = Router(tags=["cases"])


@router.get("/v1/cases", dependencies=[allow(*CASE_READERS)])
async def list_cases(
    tx: Tx,
    caller: Caller,
    paging: Paging,
    state: Annotated[list[CaseState] | None, Query()] = None,
    open: Annotated[bool | None, Query(description="neither resolved nor over")] = None,
    severity: Severity | None = None,
    priority: Priority | None = None,
    account_id: UUID | None = None,
    serial: Serial | None = None,
    number: Line | None = None,
    queue: Line | None = None,
    assignee: Line | None = None,
    problem_id: UUID | None = None,
    parent_id: UUID | None = None,
    external_id: Line | None = None,
) -> Page[CaseOut]:
    """The newest first."""
    equal = {
        "severity": severity,
        "priority": priority,
        "account_id": account_id,
        "serial": serial,
        "number": number,
        "queue": queue,
        "assignee": assignee,
        "problem_id": problem_id,
        "parent_id": parent_id,
    }
    where = visible_to(caller)
    where += [Case.c[name] == value for name, value in equal.items() if value is not None]
    if state:
        where.append(Case.c.state.in_(state))
    if open is not None:
        where.append(Case.c.state.in_(OPEN if open else OVER))
    if external_id:
        its = sa.select(case_external_ids.c.case_id).where(case_external_ids.c.external_id == external_id)
        where.append(Case.c.id.in_(its))
    return await newest(tx, Case, Case.c.opened_at, where, paging, case_out)


@router.get("/v1/cases/{case_id}", dependencies=[allow(*CASE_READERS)])
async def get_case(case_id: UUID, tx: Tx, caller: Caller) -> CaseDetail:
    case = await case_for(caller, case_id, tx)
    mine = Case.c.account_id == case.account_id
    children = await tx.fetch(sa.select(Case.c.id).where(mine, Case.c.parent_id == case_id).order_by(Case.c.id))
    later = []
    if case.serial:
        linked = json_contains(Case.c.duplicate_of, [str(case_id)])
        later = await tx.fetch(
            sa.select(Case.c.id).where(mine, Case.c.serial == case.serial, linked).order_by(Case.c.id)
        )
    return CaseDetail.model_validate(
        {
            **case.__dict__,
            "possible": possible(case.state),
            "children": [r["id"] for r in children],
            "duplicates": [*case.duplicate_of, *(r["id"] for r in later)],
        }
    )
