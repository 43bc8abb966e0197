"""Problems, and the search for known errors by product, firmware and symptom text (S25)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from sqlalchemy.dialects.postgresql import ARRAY

from libs.kit.auth import CASE_READERS
from libs.kit.fields import Line, ProductNumber, Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging
from libs.store import Compiled, NotFound, Transaction, given
from services.cases.model.problem import Problem, ProblemChange, ProblemState, Response, likeness
from services.cases.model.text import words
from services.cases.queries.access import json_contains, newest
from services.cases.queries.answers import Out

router = Router(tags=["problems"])
PUBLISHED: tuple[ProblemState, ...] = ("known_error", "fixed")
_CANDIDATES = 300
_WORDS = 100  # of what is asked


class KnownError(Out):
    """What a customer may know of a problem."""

    id: UUID
    number: str
    status: ProblemState
    family: str | None
    product_numbers: list[str]
    firmware: str | None
    symptom: str
    workaround: str | None
    fix_release: str | None


class ProblemOut(KnownError):
    """The rest is for staff, and left out for everybody else."""

    keywords: list[str] | None = None
    root_cause: str | None = None
    response: Response | None = None
    response_reason: str | None = None
    history: list[ProblemChange] | None = None
    created_by: str | None = None
    created_at: datetime | None = None


async def known_errors(
    tx: Transaction, text: str, *, limit: int, product_number: str | None = None, firmware: str | None = None
) -> list[Problem]:
    """Published problems whose symptom shares words with the text, the likest first."""
    asked = words(text)
    if not asked or not limit:
        return []
    found = await tx.read_only(Problem, _LIKELY, asked=asked[:_WORDS])
    scored = [(likeness(p, asked, product_number=product_number, firmware=firmware), p) for p in found]
    likely = [(score, p) for score, p in scored if score >= min(0.5, 2 / len(asked))]
    return [p for _, p in sorted(likely, key=lambda pair: (-pair[0], pair[1].number))[:limit]]


def _shares_a_word(asked: Any) -> sa.ColumnElement[bool]:
    matches: sa.ColumnElement[bool] = Problem.c.words.has_any(sa.cast(asked, ARRAY(sa.Text)))
    return matches


_LIKELY = Compiled(
    sa.select(Problem.table)
    .where(Problem.c.status.in_(PUBLISHED), _shares_a_word(given("asked", ARRAY(sa.Text))))
    .order_by(Problem.c.created_at.desc())
    .limit(_CANDIDATES)
)


@router.get("/v1/problems", dependencies=[allow(*CASE_READERS)])
async def list_problems(
    tx: Tx,
    caller: Caller,
    paging: Paging,
    q: Annotated[
        Text | None, Query(description="symptom, in Vietnamese (with or without diacritics) or English")
    ] = None,
    family: Line | None = None,
    product_number: ProductNumber | None = None,
    firmware: Line | None = None,
    status: ProblemState | None = None,
) -> Page[ProblemOut]:
    """Customers see published known errors only. With `q` the likest come first, on one page; else the newest."""
    where = [] if caller.staff else [Problem.c.status.in_(PUBLISHED)]
    where += [
        Problem.c[name] == v for name, v in {"family": family, "firmware": firmware, "status": status}.items() if v
    ]
    if product_number:
        its = sa.select(Problem.c.id).where(json_contains(Problem.c.product_numbers, [product_number]))
        where.append(Problem.c.id == sa.any_(sa.func.array(its.scalar_subquery())))  # found first, not met on a walk

    def out(problem: Problem) -> ProblemOut:
        return problem_out(problem, staff=caller.staff)

    if q is None:
        return await newest(tx, Problem, Problem.c.created_at, where, paging, out)
    asked = words(q)
    order = (Problem.c.created_at.desc(),)
    found = (
        await tx.select(Problem, *where, _shares_a_word(asked[:_WORDS]), order_by=order, limit=_CANDIDATES)
        if asked
        else []
    )
    found.sort(key=lambda p: (-likeness(p, asked, product_number=product_number, firmware=firmware), p.number))
    return Page(items=[out(p) for p in found[: paging.limit]])


@router.get("/v1/problems/{problem_id}", dependencies=[allow(*CASE_READERS)])
async def get_problem(problem_id: UUID, tx: Tx, caller: Caller) -> ProblemOut:
    problem = await Problem.get(problem_id, tx)
    if not caller.staff and problem.status not in PUBLISHED:
        raise NotFound("problem", problem_id)
    return problem_out(problem, staff=caller.staff)


def problem_out(problem: Problem, *, staff: bool = True) -> ProblemOut:
    if staff:
        return ProblemOut.model_validate(problem)
    return ProblemOut(**KnownError.model_validate(problem).model_dump())
