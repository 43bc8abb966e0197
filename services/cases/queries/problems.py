"""Problems, and the search for known errors by product, firmware and symptom text (S25)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field
from sqlalchemy.dialects.postgresql import ARRAY

from libs.events.values import Instant
from libs.kit.auth import CASE_READERS
from libs.kit.fields import Line, ProductNumber, Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import DatedListing, Out, contains, found_first, listed, order
from libs.kit.paging import Page
from libs.store import Compiled, NotFound, Transaction, given
from services.cases.model.problem import Problem, ProblemChange, ProblemState, Response, likeness
from services.cases.model.text import words

router = Router(tags=["problems"])
PUBLISHED: tuple[ProblemState, ...] = ("known_error", "fixed")
_CANDIDATES = 300
_WORDS = 100
"""So many of the words that are asked for are looked for."""


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
    updated_at: datetime


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


class ProblemList(DatedListing):
    q: Text | None = Field(None, description="symptom, in Vietnamese (with or without diacritics) or English")
    family: Line | None = None
    product_number: ProductNumber | None = None
    firmware: Line | None = None
    status: ProblemState | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    sort: str = order("-created_at", "updated_at")


@router.get("/v1/problems", dependencies=[allow(*CASE_READERS)])
async def list_problems_route(tx: Tx, caller: Caller, asked: Annotated[ProblemList, Query()]) -> Page[ProblemOut]:
    """Customers see published known errors only. With `q` the likest come first, on one page; else the newest."""
    rows = [] if caller.staff else [Problem.c.status.in_(PUBLISHED)]
    if asked.product_number:
        rows.append(found_first(Problem, contains(Problem.c.product_numbers, [asked.product_number])))

    def out(problem: Problem) -> ProblemOut:
        return problem_out(problem, staff=caller.staff)

    sought = words(asked.q)
    if asked.q is None:
        return await listed(tx, Problem, asked, rows, out=out)
    if not sought:
        return Page(items=[])
    newest = asked.model_copy(update={"limit": _CANDIDATES, "cursor": None})
    shared = [*rows, _shares_a_word(sought[:_WORDS])]
    found: list[Problem] = (await listed(tx, Problem, newest, shared, out=lambda problem: problem)).items
    found.sort(
        key=lambda p: (-likeness(p, sought, product_number=asked.product_number, firmware=asked.firmware), p.number)
    )
    return Page(items=[out(p) for p in found[: asked.limit]])


@router.get("/v1/problems/{problem_id}", dependencies=[allow(*CASE_READERS)])
async def get_problem_route(problem_id: UUID, tx: Tx, caller: Caller) -> ProblemOut:
    problem = await Problem.get(problem_id, tx)
    if not caller.staff and problem.status not in PUBLISHED:
        raise NotFound("problem", problem_id)
    return problem_out(problem, staff=caller.staff)


def problem_out(problem: Problem, *, staff: bool = True) -> ProblemOut:
    if staff:
        return ProblemOut.model_validate(problem)
    return ProblemOut(**KnownError.model_validate(problem).model_dump())
