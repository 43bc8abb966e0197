"""Which open cases were asked for by a contact to whom nobody has succeeded, and which are given to a person."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.queries.access import NOT_OVER


async def cases_asked_by(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Once a decision names a successor the case goes on with that one."""
    decided = Case.c.coverage["contact_id"].astext
    still = sa.or_(decided.is_(None), decided == str(contact_id))
    cases = await tx.select(Case, Case.c.contact_id == contact_id, Case.c.state.in_(NOT_OVER), still, limit=MOST)
    return _open(cases)


async def cases_given_to(person_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Until they are given to somebody else."""
    return _open(await tx.select(Case, Case.c.assignee == person_id, Case.c.state.in_(NOT_OVER), limit=MOST))


def _open(cases: Sequence[Case]) -> list[OpenWork]:
    return [OpenWork(what="case", id=c.id, number=c.number, case_id=c.id, state=c.state) for c in cases]
