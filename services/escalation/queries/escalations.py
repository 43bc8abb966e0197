"""Escalations: the customer's view, and ours."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, ConfigDict

from libs.events.values import Priority, Recipient
from libs.kit.auth import ACCOUNT_READERS, Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.problems import Missing
from libs.kit.rows import Rows, in_order, of_its_accounts, visible
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import Acknowledgement, Change, Engagement, Escalation, EscalationState
from services.escalation.model.escalation_policy import FrozenPolicy

router = Router(tags=["escalations"])


class EscalationOut(BaseModel):
    """What the customer sees of an escalation."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    case_id: UUID
    account_id: UUID | None
    state: EscalationState
    reason: str
    explanation: str
    priority: Priority
    epoch: int
    raised_by: str
    raised_at: datetime
    resolution: str | None
    resolved_at: datetime | None


class EscalationDetail(EscalationOut):
    """What we see: the policy as it was frozen, the step and its people, who took it up, who was invited, every change."""

    breach_id: UUID | None
    policy: FrozenPolicy
    step: int
    repeat: int
    recipients: list[Recipient]
    acknowledgements: list[Acknowledgement]
    still_wanted: int
    next_step_at: datetime | None
    owner: Recipient | None
    experts: list[Engagement]
    history: list[Change]


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """Staff see what is every account's, others what is their accounts'."""
    return of_its_accounts(caller, cls.c.account_id)


def shown(escalation: Escalation, caller: Principal) -> EscalationDetail | EscalationOut:
    """All of it for staff, the customer's view for others."""
    return (EscalationDetail if caller.staff else EscalationOut).model_validate(escalation)


async def visible_case(case_id: UUID, tx: Transaction, caller: Principal, *, lock: bool = False) -> CaseFile:
    """The file of a case that the caller may see and whose opening we have heard of; else there is none."""
    rows = CaseFile.c.id == case_id, *visible_to(caller, CaseFile)
    case = await tx.first(CaseFile, *rows, lock=lock)
    if case is None or case.opened_at is None:
        raise Missing(f"There is no case {case_id} here.")
    return case


async def visible_escalation(escalation_id: UUID, tx: Transaction, caller: Principal) -> Escalation:
    """Raises NotFound."""
    return await visible(Escalation, escalation_id, visible_to(caller, Escalation), tx)


@router.get("/v1/escalations", dependencies=[allow(*ACCOUNT_READERS)])
async def list_escalations(
    tx: Tx,
    caller: Caller,
    params: Paging,
    case_id: UUID | None = None,
    account_id: UUID | None = None,
    state: Annotated[list[EscalationState] | None, Query()] = None,
    priority: Priority | None = None,
) -> Page[EscalationDetail] | Page[EscalationOut]:
    """The newest first."""
    c = Escalation.c
    named = ((c.case_id, case_id), (c.account_id, account_id), (c.priority, priority))
    where = visible_to(caller, Escalation) + [column == value for column, value in named if value]
    if state:
        where.append(c.state.in_(state))
    if after := params.after(datetime, UUID):
        where.append(
            sa.tuple_(c.raised_at, c.id)
            < sa.tuple_(sa.literal(after[0], c.raised_at.type), sa.literal(after[1], c.id.type))
        )
    rows = await in_order(tx, Escalation, where, (c.raised_at.desc(), c.id.desc()), params.limit + 1)
    if caller.staff:
        return page(
            [EscalationDetail.model_validate(r) for r in rows], params.limit, lambda row: (row.raised_at, row.id)
        )
    return page([EscalationOut.model_validate(r) for r in rows], params.limit, lambda row: (row.raised_at, row.id))


@router.get("/v1/escalations/{escalation_id}", dependencies=[allow(*ACCOUNT_READERS)])
async def read_escalation(escalation_id: UUID, tx: Tx, caller: Caller) -> EscalationDetail | EscalationOut:
    return shown(await visible_escalation(escalation_id, tx, caller), caller)
