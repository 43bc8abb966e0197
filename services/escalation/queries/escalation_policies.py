"""Who is called in which step."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.events.values import Priority
from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.escalation.model.escalation_policy import EscalationPolicy, Step

router = Router(tags=["policies"])


class PolicyOut(Out):
    id: UUID
    name: str
    priorities: list[Priority]
    rules: list[str]
    steps: list[Step]
    repeat: int | None
    unacknowledge_minutes: int | None
    active: bool


class PolicyList(Listing):
    q: Words = None
    active: bool | None = None
    sort: str = order("name")


@router.get("/v1/policies", dependencies=[allow(*STAFF)])
async def list_policies_route(tx: Tx, asked: Annotated[PolicyList, Query()]) -> Page[PolicyOut]:
    return await listed(tx, EscalationPolicy, asked, out=PolicyOut.model_validate)


@router.get("/v1/policies/{policy_id}", dependencies=[allow(*STAFF)])
async def get_policy_route(policy_id: UUID, tx: Tx) -> PolicyOut:
    return PolicyOut.model_validate(await EscalationPolicy.get(policy_id, tx))
