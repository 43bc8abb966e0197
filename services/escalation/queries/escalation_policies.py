"""Who is called in which step."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.events.values import Priority
from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.store import Transaction
from services.escalation.model.escalation_policy import Call, EscalationPolicy, FrozenPolicy, Step
from services.escalation.queries.our_people import known

router = Router(tags=["policies"])


class CallOut(Call):
    """Whom a step calls; a person with the name of now."""

    person: NamedPerson | None


class StepOut(Step):
    calls: tuple[CallOut, ...]


class FrozenPolicyOut(FrozenPolicy):
    steps: tuple[StepOut, ...]


class PolicyOut(Out):
    id: UUID
    name: str
    priorities: list[Priority]
    rules: list[str]
    steps: list[StepOut]
    repeat: int | None
    unacknowledge_minutes: int | None
    active: bool


async def steps_out(steps: Iterable[Step], tx: Transaction) -> list[StepOut]:
    """With the names of now."""
    steps = [*steps]
    who = await known((id for step in steps for id in step.people), tx)

    def out(call: Call) -> CallOut:
        person = NamedPerson.of(call.id, who) if call.kind == "person" and call.id else None
        return CallOut(kind=call.kind, id=call.id, person=person)

    return [StepOut.model_validate({**vars(step), "calls": [vars(out(call)) for call in step.calls]}) for step in steps]


async def policy_out(policy: EscalationPolicy, tx: Transaction) -> PolicyOut:
    return PolicyOut.model_validate({**vars(policy), "steps": await steps_out(policy.steps, tx)})


class PolicyList(Listing):
    q: Words = None
    active: bool | None = None
    sort: str = order("name")


@router.get("/v1/policies", dependencies=[allow(*STAFF)])
async def list_policies_route(tx: Tx, asked: Annotated[PolicyList, Query()]) -> Page[PolicyOut]:
    return await listed(tx, EscalationPolicy, asked, out=lambda policy: policy_out(policy, tx))


@router.get("/v1/policies/{policy_id}", dependencies=[allow(*STAFF)])
async def get_policy_route(policy_id: UUID, tx: Tx) -> PolicyOut:
    return await policy_out(await EscalationPolicy.get(policy_id, tx), tx)
