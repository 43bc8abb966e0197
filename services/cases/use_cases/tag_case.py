"""What we sort a case under among ourselves."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.events.cases_work import TagsChanged
from libs.kit.fields import Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.codes import TooManyTags, must_be_of
from services.cases.model.policy import policies
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])
Named = Annotated[list[Word], Field(max_length=50)]


class TagCase(Command):
    """Codes of the list `tags` of the policies. What the list has no more can be removed, and stays until it is."""

    add: Named = Field(default_factory=list)
    remove: Named = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if both := {*self.add} & {*self.remove}:
            raise ValueError(f"to be added and removed: {', '.join(sorted(both))}")
        return self


async def tag_case(case: Case, cmd: TagCase, actor: Actor, tx: Transaction) -> None:
    """What it has already is not added, what it has not is not removed. Raises NoSuchCode, TooManyTags."""
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    must_be_of(policy.tags, cmd.add, field="add")
    added = sorted({*cmd.add} - {*case.tags})
    removed = sorted({*cmd.remove} & {*case.tags})
    if not added and not removed:
        return
    tags = sorted({*case.tags, *added} - {*removed})
    if added and len(tags) > policy.tags_most:
        raise TooManyTags(f"A case has {policy.tags_most} tags at most.", most=policy.tags_most, tags=case.tags)
    case.tags = tags
    tx.emit(TagsChanged(case_id=case.id, tags=tags, added=added, removed=removed, **actor.facts(), changed_at=tx.now))


@router.post("/v1/cases/{case_id}/tags", dependencies=[allow(*COMMANDS.roles("tags"))])
async def tag_case_route(case_id: UUID, cmd: TagCase, tx: Tx, caller: Caller) -> CaseOut:
    """Add tags and remove others; two who do so at the same time do not undo each other."""
    case = await case_for(caller, case_id, tx, command="tags")
    await tag_case(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
