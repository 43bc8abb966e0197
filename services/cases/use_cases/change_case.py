"""What else may change on a case: the expected resolution date with a note, its parent, what others call it."""

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.events.cases import ExternalIdentifier
from libs.kit.fields import Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.patch import Patch
from libs.kit.problems import Conflict
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.correction import correct
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.take_request import NoSuchParent, check_parent
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.add_note import AddNote, add_note
from services.cases.use_cases.correct_case import tell_corrected
from services.cases.use_cases.open_case import ExternalId

router = Router(tags=["cases"])
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class ParentOfOthers(Conflict):
    """A case with children is nobody's child."""


class ChangeCase(Patch):
    expected_resolution_at: Annotated[AwareDatetime, Field(gt=_EARLIEST, lt=_LATEST)] | None
    note: Text | None
    parent_id: UUID | None
    external_identifiers: Annotated[list[ExternalId], Field(max_length=20)]

    @model_validator(mode="after")
    def _with_a_note(self) -> Self:
        if "expected_resolution_at" in self.model_fields_set and self.note is None:
            raise ValueError("changing the expected resolution date needs a note")
        if "parent_id" in self.model_fields_set and self.parent_id is None and self.note is None:
            raise ValueError("taking a case from its parent needs a note")
        return self


async def change_case(case: Case, cmd: ChangeCase, actor: Actor, tx: Transaction) -> None:
    """Raises NoSuchParent and ParentOfOthers."""
    given = cmd.model_fields_set
    if "expected_resolution_at" in given:
        when = cmd.expected_resolution_at
        case.expected_resolution_at = when.astimezone(UTC) if when else None
    if cmd.note:
        await add_note(case, AddNote(text=cmd.note, visibility="public"), actor, tx)
    if "parent_id" in given:
        await _adopt(case, cmd.parent_id, cmd.note or "another parent", actor, tx)
    if "external_identifiers" in given:
        case.external_identifiers = [ExternalIdentifier(owner=e.owner, id=e.id) for e in cmd.external_identifiers]


async def _adopt(case: Case, parent_id: UUID | None, why: str, actor: Actor, tx: Transaction) -> None:
    """A parent that was wrong is a correction."""
    if parent_id == case.id:
        raise NoSuchParent("A case is not its own parent.", parent_id=str(parent_id))
    if parent_id:
        if case.is_incident or await tx.first(Case, Case.c.parent_id == case.id):
            raise ParentOfOthers("This case has children and cannot become one.", state=case.state, possible=[])
        await check_parent(parent_id, case.account_id, tx)
    if case.parent_id is None:
        case.parent_id = parent_id
    elif correction := correct(case, {"parent_id": parent_id}, id=new_id(), reason=why, actor=actor, at=tx.now):
        tell_corrected(case, correction, actor, tx)


@router.patch("/v1/cases/{case_id}", dependencies=[allow(*COMMANDS.roles("revise"))])
async def change_case_route(case_id: UUID, cmd: ChangeCase, tx: Tx, caller: Caller) -> CaseOut:
    actor = await who_acts(caller, tx)
    case = await case_for(caller, case_id, tx, command="revise")
    await change_case(case, cmd, actor, tx)
    return await case_out(case, caller, tx)
