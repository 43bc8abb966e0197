"""Escalation policies: who is called in which step. What is under way keeps the policy it was raised with."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.events.values import Priority
from libs.kit.auth import MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from services.escalation.model.escalation_policy import EscalationPolicy, NewStep
from services.escalation.model.settings import Rule
from services.escalation.queries.people import PolicyOut
from services.escalation.use_cases.revise import Revision, made, revise

router = Router(tags=["policies"])

Steps = Annotated[list[NewStep], Field(min_length=1, max_length=20)]
Repeat = Annotated[int, Field(ge=0, le=20)]
Minutes = Annotated[int, Field(ge=1, le=60 * 24)]
Priorities = Annotated[list[Priority], Field(description="empty: all")]
Rules = Annotated[list[Rule], Field(description="empty: all")]


class AddPolicy(Command):
    name: Line
    priorities: Priorities = Field(default_factory=list)
    rules: Rules = Field(default_factory=list)
    steps: Steps
    repeat: Repeat | None = None
    unacknowledge_minutes: Minutes | None = None


class RevisePolicy(Revision):
    clearable: ClassVar[frozenset[str]] = frozenset({"repeat", "unacknowledge_minutes"})

    name: Line | None = None
    priorities: Priorities | None = None
    rules: Rules | None = None
    steps: Steps | None = None
    repeat: Repeat | None = None
    unacknowledge_minutes: Minutes | None = None
    active: bool | None = None


@router.post("/v1/policies", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_policy(cmd: AddPolicy, tx: Tx) -> PolicyOut:
    return PolicyOut.model_validate(tx.add(made(EscalationPolicy, cmd)))


@router.patch("/v1/policies/{policy_id}", dependencies=[allow(*MANAGERS)])
async def revise_policy(policy_id: UUID, cmd: RevisePolicy, tx: Tx) -> PolicyOut:
    policy = await EscalationPolicy.get(policy_id, tx, lock=True)
    revise(policy, cmd)
    return PolicyOut.model_validate(policy)
