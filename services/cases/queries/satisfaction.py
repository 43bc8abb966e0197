"""How content customers are: of one case for whoever sees it, of all for managers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, Field

from libs.events.values import Instant, Role
from libs.kit.auth import ACCOUNT_READERS, MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from services.cases.model.case_values import Redacted
from services.cases.model.satisfaction import Satisfaction
from services.cases.queries.access import case_for

router = Router(tags=["satisfaction"])


class SatisfactionOut(Out):
    id: UUID
    account_id: UUID
    case_id: UUID
    epoch: int
    score: int
    words: str | None
    queue: str | None
    by: str
    by_role: Role
    given_at: datetime
    changed_at: datetime | None
    redacted: Redacted | None


class SatisfactionOfCase(Listing):
    sort: str = order("-epoch")


class SatisfactionList(Listing):
    queue: Line | None = None
    score: Annotated[int, Field(ge=1, le=5)] | None = None
    account_id: UUID | None = None
    given_from: Instant | None = None
    given_before: Instant | None = None
    sort: str = order("-given_at")


class Content(BaseModel):
    """How many of a queue's cases got which score; `average` of all of them."""

    queue: str | None
    answers: int
    average: float
    scores: dict[int, int]


class ContentByQueue(BaseModel):
    items: list[Content]


@router.get("/v1/cases/{case_id}/satisfaction", dependencies=[allow(*ACCOUNT_READERS)])
async def list_case_satisfaction_route(
    case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[SatisfactionOfCase, Query()]
) -> Page[SatisfactionOut]:
    """A word for each epoch at most, the newest first."""
    await case_for(caller, case_id, tx)
    return await listed(
        tx, Satisfaction, asked, [Satisfaction.c.case_id == case_id], out=SatisfactionOut.model_validate
    )


@router.get("/v1/satisfaction", dependencies=[allow(*MANAGERS)])
async def list_satisfaction_route(tx: Tx, asked: Annotated[SatisfactionList, Query()]) -> Page[SatisfactionOut]:
    """The newest first."""
    return await listed(tx, Satisfaction, asked, out=SatisfactionOut.model_validate)


@router.get("/v1/satisfaction/by-queue", dependencies=[allow(*MANAGERS)])
async def get_satisfaction_by_queue_route(tx: Tx, given_from: Instant, given_before: Instant) -> ContentByQueue:
    """By the queue in which the case stood, of what was given first in this time."""
    within = Satisfaction.c.given_at >= given_from, Satisfaction.c.given_at < given_before
    grouped = Satisfaction.c.queue, Satisfaction.c.score
    counts: dict[str | None, dict[int, int]] = {}
    counted = sa.select(*grouped, sa.func.count()).where(*within).group_by(*grouped).order_by(*grouped)
    for queue, score, found in await tx.fetch(counted):
        counts.setdefault(queue, {})[score] = found
    return ContentByQueue(items=[_content(queue, scores) for queue, scores in counts.items()])


def _content(queue: str | None, scores: dict[int, int]) -> Content:
    answers = sum(scores.values())
    average = round(sum(score * found for score, found in scores.items()) / answers, 2)
    return Content(queue=queue, answers=answers, average=average, scores=scores)
