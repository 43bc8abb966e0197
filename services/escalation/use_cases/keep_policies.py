"""Escalation policies: who is called in which step. What is under way keeps the policy it was raised with."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.values import Priority
from libs.kit.auth import MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.escalation.model.escalation_policy import EscalationPolicy, Step
from services.escalation.model.settings import Rule
from services.escalation.queries.escalation_policies import PolicyOut, policy_out
from services.escalation.queries.our_people import must_be_ours

router = Router(tags=["policies"])


class PolicyFields(Command):
    name: Line
    priorities: Annotated[list[Priority], Field(description="empty: all")] = Field(default_factory=list)
    rules: Annotated[list[Rule], Field(description="empty: all")] = Field(default_factory=list)
    steps: Annotated[list[Step], Field(min_length=1, max_length=20)]
    repeat: Annotated[int, Field(ge=0, le=20)] | None = None
    unacknowledge_minutes: Annotated[int, Field(ge=1, le=60 * 24)] | None = None


class CreatePolicy(New, PolicyFields):
    """Who is called in which step, for the priorities and rules named."""


class ChangePolicy(Patch, PolicyFields):
    active: bool


@router.post("/v1/policies", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_policy_route(cmd: CreatePolicy, tx: Tx) -> PolicyOut:
    await must_be_ours([id for step in cmd.steps for id in step.people], tx, "steps")
    return await policy_out(cmd.make(EscalationPolicy, tx), tx)


@router.patch("/v1/policies/{policy_id}", dependencies=[allow(*MANAGERS)])
async def change_policy_route(policy_id: UUID, cmd: ChangePolicy, tx: Tx) -> PolicyOut:
    await must_be_ours([id for step in cmd.steps or () for id in step.people], tx, "steps")
    policy = await EscalationPolicy.get(policy_id, tx, lock=True)
    cmd.apply_to(policy)
    return await policy_out(policy, tx)
