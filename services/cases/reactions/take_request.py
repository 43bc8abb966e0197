"""A request becomes a case, whoever brought it: a caller, or a device that reports trouble."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import CaseOpened
from libs.kit.problems import Unprocessable
from libs.store import Compiled, Transaction, given, next_value
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import Change
from services.cases.model.lifecycle import OPEN
from services.cases.model.policy import CasesPolicy
from services.cases.model.request import Request
from services.cases.reactions.route_case import route

_LINKED = 20
"""Likely duplicates that are named."""


class NoSuchParent(Unprocessable):
    """A parent is an open case of the same account that is no child itself."""


async def take_request(request: Request, policy: CasesPolicy, actor: Actor, tx: Transaction) -> Case:
    """Links likely duplicates and drops none; coverage comes later by itself. Raises NoSuchParent."""
    if request.parent_id:
        await check_parent(request.parent_id, request.account_id, tx)
    number, duplicates = await _number_and_likely_duplicates(request, tx)
    case = Case(
        **vars(request),
        number=number,
        priority=policy.priorities[request.severity],
        customer_severity=request.severity,
        duplicate_of=[each for each in duplicates if each != request.split_from],
        opened_by=actor.by,
        opened_at=tx.now,
        epoch_began_at=tx.now,
        history=[Change(state="acknowledged", at=tx.now, by=actor.by, reason="opened")],
    )
    tx.add(case)
    tx.emit(CaseOpened(**case.facts(), **actor.facts()))
    await route(case, tx, actor.by, default=policy.default_queue)
    return case


async def likely_duplicates(case: Case, tx: Transaction) -> list[UUID]:
    """The open cases about the same unit besides this one, the oldest first."""
    same = sa.select(Case.c.id).where(*_same_product(case.account_id, case.serial), Case.c.id != case.id)
    same = same.where(Case.c.split_from.is_distinct_from(case.id), Case.c.id.is_distinct_from(case.split_from))
    return [row["id"] for row in await tx.fetch(same.order_by(Case.c.opened_at).limit(_LINKED))]


async def check_parent(parent_id: UUID, account_id: UUID, tx: Transaction) -> None:
    """Locks the parent, so that it is not closed over a child that is just being made. Raises NoSuchParent."""
    parent = await Case.find(parent_id, tx, lock=True)
    if parent is None or not parent.takes_children_of(account_id):
        raise NoSuchParent(
            "A parent is an open case of the same account that is no child itself.", parent_id=str(parent_id)
        )


def _same_product(account_id: Any, serial: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return Case.c.account_id == account_id, Case.c.serial == serial, Case.c.state.in_(OPEN)


_OF_THE_SAME_PRODUCT = (
    sa.select(Case.c.id)
    .where(*_same_product(given("account_id"), given("serial")))
    .order_by(Case.c.opened_at)
    .limit(_LINKED)
)
_NUMBER_AND_DUPLICATES = Compiled(sa.select(next_value("CASE"), sa.func.array(_OF_THE_SAME_PRODUCT.scalar_subquery())))


async def _number_and_likely_duplicates(request: Request, tx: Transaction) -> tuple[str, list[UUID]]:
    """In one query. Of a request that names no unit nothing is a duplicate."""
    ((number, duplicates),) = await tx.fetch(
        _NUMBER_AND_DUPLICATES, account_id=request.account_id, serial=request.serial
    )
    return tx.numbered("CASE", number), duplicates
