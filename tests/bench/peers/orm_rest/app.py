"""The endpoint. `PEER_KAFKA_…` in the environment leaves the outbox out and publishes with FastStream after the commit."""

import hashlib
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel
from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from uuid_utils.compat import uuid7

from tests.bench.peers.orm_rest.models import Case, IdempotencyKey, OutboxEvent, Policy, Problem, Queue, Timer
from tests.bench.peers.orm_rest.schemas import (
    CaseOpened,
    CaseRouted,
    Coverage,
    Handover,
    KnownError,
    OpenCase,
    OpenedCase,
    StateChange,
    spoken,
    words,
)
from tests.bench.peers.orm_rest.security import Caller, CurrentCaller

if TYPE_CHECKING:
    from faststream.kafka import KafkaBroker

_PRIORITIES = {"critical": "P1", "major": "P2", "moderate": "P3", "minor": "P4"}
_POSSIBLE = os.environ["PEER_POSSIBLE"].split(",")
_ROUTE = "POST /v1/cases"

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=16, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


def _broker() -> "KafkaBroker | None":
    if "PEER_KAFKA_BOOTSTRAP" not in os.environ:
        return None
    from faststream.kafka import KafkaBroker
    from faststream.security import SASLScram512

    login = SASLScram512(os.environ["PEER_KAFKA_USER"], os.environ["PEER_KAFKA_PASSWORD"])
    return KafkaBroker(os.environ["PEER_KAFKA_BOOTSTRAP"], security=login, acks="all", logger=None)


broker = _broker()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if broker:
        await broker.start()
    yield
    if broker:
        await broker.stop()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


@app.post("/v1/cases", status_code=201, response_model=OpenedCase)
async def open_case(
    command: OpenCase, request: Request, caller: CurrentCaller, db: Session,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=255)], traceparent: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    digest = hashlib.sha256(f"{request.url.path}?{request.url.query}\n".encode() + await request.body()).digest()
    now, free = await _begin(db, caller, idempotency_key)
    earlier = await db.get(IdempotencyKey, (caller.id, _ROUTE, idempotency_key))
    if earlier:
        if earlier.request_hash != digest:
            raise HTTPException(422, "This key belongs to another request.")
        return Response(earlier.body, earlier.status, {**earlier.headers, "idempotent-replayed": "true"})
    if not free:
        raise HTTPException(409, "The same request is still being worked on.")

    settings = await _policy(db, command.severity, now)
    case = await _new_case(db, command, caller, now, settings)
    db.add(case)
    events = [_opened(case, caller), await _routed(db, case, caller, now, settings)]
    for event in events:
        case.version += 1
        if broker is None:
            db.add(_outbox(event, case, caller, now, traceparent))
    answer = OpenedCase.model_validate({**case.__dict__, "possible": _POSSIBLE})
    answer.known_errors = await _known_errors(db, command, settings.get("known_errors_proposed", 3))
    body = answer.model_dump_json().encode()
    headers = {"content-type": "application/json", "location": f"/v1/cases/{case.id}"}
    db.add(
        IdempotencyKey(
            principal=caller.id, route=_ROUTE, key=idempotency_key, request_hash=digest, status=201, headers=headers, body=body
        )
    )  # fmt: skip
    await db.commit()
    if broker:
        for event in events:
            await broker.publish(event, "bench.b1", key=str(case.id).encode())
    return Response(body, 201, headers)


async def _begin(db: AsyncSession, caller: Caller, key: str) -> tuple[datetime, bool]:
    """Row-level security's context, the time, and the lock on the key."""
    name = f"{caller.id} {_ROUTE} {key}"
    row = await db.execute(
        select(
            func.app_now(),
            func.set_config("polyplus.scope", caller.scope, True),
            func.set_config("polyplus.accounts", ",".join(map(str, caller.accounts)), True),
            func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)),
        )
    )
    now, _, _, free = row.one()
    return now, free


async def _policy(db: AsyncSession, severity: str, now: datetime) -> dict[str, Any]:
    found = await db.scalars(
        select(Policy)
        .where(Policy.valid_from <= now, or_(Policy.valid_to.is_(None), Policy.valid_to > now))
        .where(Policy.plan.is_(None), Policy.region.is_(None))
        .where(or_(Policy.severity.is_(None), Policy.severity == severity))
        .order_by(Policy.severity.is_not(None), Policy.number)
    )
    merged: dict[str, Any] = {}
    for policy in found:
        merged |= policy.settings
    return merged


async def _new_case(
    db: AsyncSession, command: OpenCase, caller: Caller, now: datetime, settings: dict[str, Any]
) -> Case:
    if command.account_id is None and len(caller.accounts) != 1:
        raise HTTPException(422, "Say for which account: account_id.")
    account_id = command.account_id or caller.accounts[0]
    if caller.scope == "tenant" and account_id not in caller.accounts:
        raise HTTPException(404, "There is no such account.")
    number = await db.scalar(select(func.nextval("case_numbers")))
    duplicates = await db.scalars(
        select(Case.id)
        .where(Case.account_id == account_id, Case.serial == command.serial)
        .where(Case.state.in_(["acknowledged", "in_progress", "pending", "reopened", "assessing_cancellation"]))
        .order_by(Case.opened_at)
        .limit(20)
    )
    given = command.model_dump(exclude={"firmware", "channel", "account_id", "reporter_name"})
    return Case(
        id=uuid7(), version=0, revision=0, state="acknowledged", epoch=1, worked_epoch=0,
        number=f"CASE-{now.year}-{number:06d}", account_id=account_id,
        priority={**_PRIORITIES, **settings.get("priorities", {})}[command.severity],
        channel="api" if caller.role == "customer" else command.channel or "phone",
        reporter_name=command.reporter_name or caller.name, customer_severity=command.severity, opened_by=caller.actor,
        opened_at=now, updated_at=now, epoch_began_at=now, coverage=Coverage().model_dump(mode="json"), duplicate_of=[str(d) for d in duplicates],
        history=[StateChange(state="acknowledged", at=now, by=caller.actor, reason="opened").model_dump(mode="json")],
        family=None, country=None, alert_id=None, parent_id=None, follow_up_of=None, queue=None, shift=None, assignee=None,
        description_redacted=None, first_response_at=None, expected_resolution_at=None, problem_id=None, waits=[], workarounds=[],
        partner_requests=[], proposed_resolution=None, confirmations=[], resolution=None, resolved_at=None, closes_at=None,
        closed_at=None, cancellation=None, queue_history=[], corrections=[], clocks=[], next_due_at=None, merged_into=None, first_opened_at=None,
        text_words=spoken(command.serial, command.description), **given,
    )  # fmt: skip


def _opened(case: Case, caller: Caller) -> CaseOpened:
    return CaseOpened.model_validate({**case.__dict__, "case_id": case.id, "by": caller.actor, "by_role": caller.role})


async def _routed(db: AsyncSession, case: Case, caller: Caller, now: datetime, settings: dict[str, Any]) -> CaseRouted:
    """No queue is on duty in the bench: the default one, and no shift whose end a timer would wait for."""
    queues = await db.scalars(select(Queue).where(Queue.active).order_by(Queue.id))
    if queues.all():
        raise HTTPException(501, "The bench has no queues.")
    await db.execute(delete(Timer).where(Timer.aggregate_id == case.id, Timer.kind == "shift"))
    case.queue, reason = settings.get("default_queue", "support"), "no queue is on duty"
    handover = Handover(queue=case.queue, shift=None, reason=reason, by=caller.actor, at=now)
    case.queue_history = [handover.model_dump(mode="json")]
    return CaseRouted(case_id=case.id, queue=case.queue, reason=reason, by=caller.actor, routed_at=now)


_COUNTS = text("SELECT word, problems FROM problem_word_counts WHERE word = ANY (CAST(:words AS text[]))")
_LIKELY = text("""
WITH few AS (
    (SELECT * FROM problem_words WHERE published AND words && CAST(:own AS text[]) AND words && CAST(:of_own AS text[]) LIMIT :most_own)
     UNION ALL
    (SELECT * FROM problem_words WHERE published AND NOT words && CAST(:own AS text[]) AND words && CAST(:of_others AS text[])
      LIMIT :most_others)
), weighed AS MATERIALIZED (
    SELECT problem_id, (
        SELECT sum(weight) FROM unnest(CAST(:words AS text[]), CAST(:weights AS float8[])) AS asked (word, weight)
         WHERE word = ANY (few.words)
    ) AS said,
    CASE WHEN CAST(:product AS text) IS NULL THEN 1.0 WHEN CAST(:product AS text) = ANY (words) THEN 1.2 WHEN '@' <> ALL (words) THEN 0.5
         WHEN family IS NOT NULL THEN 0.9 ELSE 1.0 END
    * CASE WHEN fixed_in <= (SELECT release(CAST(:firmware AS text))) THEN 0.3
           WHEN affected_from > (SELECT release(CAST(:firmware AS text))) THEN 0.6 ELSE 1.0 END
    / (1 + 1.2 * (0.25 + 0.75 * n / CAST(:average AS float8))) AS by
      FROM few
), likest AS (
    SELECT problem_id, said * by AS score FROM weighed WHERE said >= CAST(:enough AS float8) ORDER BY score DESC, problem_id LIMIT :most
)
SELECT problems.* FROM likest JOIN problems ON problems.id = likest.problem_id ORDER BY likest.score DESC, problems.number
""")


async def _known_errors(db: AsyncSession, command: OpenCase, limit: int) -> list[KnownError]:
    """Published problems that say a fifth of what the description says, by weight, the likest first: the statements of the service."""
    asked = words(command.description)
    product = f"@{command.product_number}" if command.product_number else None
    own = ["@", product] if product else []
    counted = await db.execute(_COUNTS, {"words": ["", "#", *own, *asked]})
    counts = {row.word: row.problems for row in counted}
    rarest = sorted((each for each in asked if each in counts), key=lambda each: (counts[each], each))[:40]
    if not rarest:
        return []
    weights = [math.log(1 + (counts[""] - counts[each] + 0.5) / (counts[each] + 0.5)) for each in rarest]
    share, others = sum(counts.get(each, 0) for each in own) / counts[""], 500 if own else 2_000
    found = await db.scalars(
        select(Problem).from_statement(_LIKELY),
        {
            "own": own, "of_own": _within(2_000 - others, rarest, [share * counts[each] for each in rarest]), "most_own": 2_000 - others,
            "of_others": _within(others, rarest, [counts[each] for each in rarest]), "most_others": others, "words": rarest,
            "weights": weights, "product": product, "firmware": command.firmware, "average": counts["#"] / counts[""],
            "enough": 0.2 * sum(weights), "most": limit,
        },
    )  # fmt: skip
    return [KnownError.model_validate(problem) for problem in found]


def _within(budget: int, rarest: list[str], rows: list[float]) -> list[str]:
    return [
        each for each, so_many in zip(rarest, accumulate(rows), strict=True) if each == rarest[0] or so_many <= budget
    ]


def _outbox(event: BaseModel, case: Case, caller: Caller, now: datetime, traceparent: str | None) -> OutboxEvent:
    name = "case-opened.v2" if isinstance(event, CaseOpened) else "case-routed.v1"
    return OutboxEvent(
        topic="cases.events", key=case.id, event_id=uuid7(), type=f"polyplus.cases.{name}", subject=case.id,
        account_id=case.account_id, version=case.version, actor=caller.actor, time=now,
        traceparent=traceparent or f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01",
        data=event.model_dump_json().encode(),
    )  # fmt: skip
