"""The customer says how content they are with how a case was worked."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.cases_work import SatisfactionGiven
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.policy import policies
from services.cases.model.satisfaction import Satisfaction
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.satisfaction import SatisfactionOut

router = Router(tags=["satisfaction"])


class GiveSatisfaction(Command):
    """5 is best."""

    score: Annotated[int, Field(ge=1, le=5)]
    words: Text | None = None


async def give_satisfaction(case: Case, cmd: GiveSatisfaction, actor: Actor, tx: Transaction) -> Satisfaction:
    """Once for each epoch; given again, it is changed. Raises SatisfactionSettled."""
    its = Satisfaction.c.case_id == case.id, Satisfaction.c.epoch == case.epoch
    given, before = await tx.first(Satisfaction, *its, lock=True), None
    if given:
        policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
        given.must_be_open(policy.satisfaction_change_days, tx.now)
        if (given.score, given.words) == (cmd.score, cmd.words):
            return given
        before = given.score
        given.score, given.words, given.changed_at, given.redacted = cmd.score, cmd.words, tx.now, None
        given.by, given.by_role = actor.by, actor.role
    else:
        given = tx.add(
            Satisfaction(
                id=new_id(),
                account_id=case.account_id,
                case_id=case.id,
                epoch=case.epoch,
                score=cmd.score,
                words=cmd.words,
                queue=case.queue,
                **actor.facts(),
                given_at=tx.now,
            )
        )
    tx.emit(
        SatisfactionGiven(
            case_id=case.id,
            satisfaction_id=given.id,
            epoch=given.epoch,
            score=given.score,
            previous_score=before,
            words=given.words,
            queue=given.queue,
            **actor.facts(),
            given_at=tx.now,
        )
    )
    return given


@router.post("/v1/cases/{case_id}/satisfaction", dependencies=[allow(*COMMANDS.roles("satisfaction"))])
async def give_satisfaction_route(case_id: UUID, cmd: GiveSatisfaction, tx: Tx, caller: Caller) -> SatisfactionOut:
    """Of a case that is resolved or closed. Who says it again within the policy's days changes it."""
    case = await case_for(caller, case_id, tx, command="satisfaction")
    return SatisfactionOut.model_validate(await give_satisfaction(case, cmd, Actor.of(caller), tx))
