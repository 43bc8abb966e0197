"""Problems, and the search for known errors by product, firmware and symptom text (S25)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.events.values import Instant
from libs.kit.auth import CASE_READERS
from libs.kit.fields import Line, ProductNumber, Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import DatedListing, Out, asked_for, contains, found_first, listed, order
from libs.kit.paging import Page
from libs.store import NotFound
from services.cases.model.problem import GENERAL, PUBLISHED, Problem, ProblemChange, ProblemState, Response
from services.cases.queries.likely_problems import Unit, likely

router = Router(tags=["problems"])


class KnownError(Out):
    """What a customer may know of a problem."""

    id: UUID
    number: str
    status: ProblemState
    family: str | None
    product_numbers: list[str]
    firmware: str | None
    affected_from: str | None
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


class ProblemList(DatedListing):
    """With `q`, product number and firmware hide nothing: what fits the unit comes first."""

    q: Text | None = Field(None, description="what is wrong, in Vietnamese (with or without diacritics) or English")
    family: Line | None = None
    product_number: ProductNumber | None = Field(None, description="problems of this product, and those of none")
    firmware: Line | None = Field(
        None, description="with `q`, the release of the unit; without, problems that were seen on it"
    )
    status: ProblemState | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    sort: str = order("-created_at", "updated_at")


@router.get("/v1/problems", dependencies=[allow(*CASE_READERS)])
async def list_problems_route(tx: Tx, caller: Caller, asked: Annotated[ProblemList, Query()]) -> Page[ProblemOut]:
    """Customers see published known errors only. With `q` the likest come first, on one page; else the newest."""

    def out(problem: Problem) -> ProblemOut:
        return problem_out(problem, staff=caller.staff)

    if asked.q is not None:
        unit = Unit(asked.product_number, asked.firmware)
        filters = asked_for(asked.model_copy(update={"firmware": None}), Problem)
        found = await likely(tx, asked.q, unit, published=not caller.staff, among=filters, limit=asked.limit)
        return Page(items=[out(problem) for problem in found])
    rows = [] if caller.staff else [Problem.c.status.in_(PUBLISHED)]
    if asked.product_number:
        rows.append(found_first(Problem, contains(Problem.c.product_numbers, [asked.product_number]), GENERAL))
    return await listed(tx, Problem, asked, rows, out=out)


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
