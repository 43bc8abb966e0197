"""What a case said when it was opened proved wrong: the unit, the site, who asked, the language or the description is put right."""

from collections.abc import Collection
from typing import Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.events.cases import CaseCorrected
from libs.events.values import Language
from libs.kit.fields import ProductNumber, Reason, Serial, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import must_be_of
from libs.kit.problems import Conflict, Forbidden, Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import Correction
from services.cases.model.correction import correct
from services.cases.model.people import KnownContact, KnownSite
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.ask_where_to_send import ask_where_to_send
from services.cases.reactions.route_case import route
from services.cases.reactions.take_request import likely_duplicates

router = Router(tags=["cases"])


class WorkHasBegun(Conflict):
    """Once somebody works on a case, its unit is ours to correct."""


class NoSuchDuplicate(Unprocessable):
    """A case is taken for no duplicate of those with which it is linked."""


class CorrectCase(Command):
    """What is right instead; what is left out stays. A unit is `product_number` and `serial`, also where there was a `no_product_reason`.

    `not_duplicate_of` names cases with which this one was linked wrongly; only staff say that.
    """

    product_number: ProductNumber | None = None
    serial: Serial | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None
    language: Language | None = None
    description: Text | None = None
    not_duplicate_of: list[UUID] = Field(default_factory=list, max_length=20)
    reason: Reason

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.product_number is None) != (self.serial is None):
            raise ValueError("a unit is product_number and serial")
        if not (self.right or self.not_duplicate_of):
            raise ValueError("say what is right instead")
        return self

    @property
    def right(self) -> dict[str, Any]:
        """What is given, by the case's fields."""
        return self.model_dump(exclude={"reason", "not_duplicate_of"}, exclude_none=True)


async def correct_case(case: Case, cmd: CorrectCase, actor: Actor, tx: Transaction) -> None:
    """What is right already is left alone. Entitlements answers with a decision, and duplicates are looked for anew. Raises WorkHasBegun."""
    correction = correct(case, cmd.right, id=new_id(), reason=cmd.reason, actor=actor, at=tx.now)
    if correction is None:
        return
    if "unit" in correction.what:
        if actor.origin == "customer" and case.state != "acknowledged":
            raise WorkHasBegun(
                "Somebody works on the case already: ask in a note for the unit to be corrected.",
                state=case.state,
                possible=COMMANDS.possible(actor.role, case),
            )
        case.duplicate_of = await likely_duplicates(case, tx)
    tell_corrected(case, correction, actor, tx)
    if "language" in correction.what and case.untaken:
        await route(case, tx, actor.by, why="the language was corrected")
    await ask_where_to_send(case, tx, at=tx.now, by=actor.by)


def tell_corrected(case: Case, correction: Correction, actor: Actor, tx: Transaction) -> None:
    """Also a link that was undone."""
    tx.emit(
        CaseCorrected(
            case_id=case.id,
            correction_id=correction.id,
            **correction.model_dump(include={"what", "old", "new", "reason"}),
            description=case.description if "description" in correction.what else None,
            **actor.facts(),
            corrected_at=tx.now,
        )
    )


async def part_from_duplicates(case: Case, ids: Collection[UUID], reason: str, actor: Actor, tx: Transaction) -> None:
    """The link stands in the row of whichever came later. Raises NoSuchDuplicate. All of these cases are locked."""
    others = await tx.find_many(Case, [*ids], lock=True)
    for id, other in zip(ids, others, strict=True):
        if other is None or not (id in case.duplicate_of or case.id in other.duplicate_of):
            raise NoSuchDuplicate("This case is linked with no such duplicate.", not_duplicate_of=str(id))
        for one, two in ((case, other), (other, case)):
            right = {"duplicate_of": [each for each in one.duplicate_of if each != two.id]}
            correction = correct(one, right, id=new_id(), reason=reason, actor=actor, at=tx.now)
            if correction:
                tell_corrected(one, correction, actor, tx)


@router.post("/v1/cases/{case_id}/correct", dependencies=[allow(*COMMANDS.roles("correct"))])
async def correct_case_route(case_id: UUID, cmd: CorrectCase, tx: Tx, caller: Caller) -> CaseOut:
    """Put right what the case said when it was opened; its cover is decided anew, as of the opening."""
    if cmd.not_duplicate_of:
        if not caller.staff:
            raise Forbidden("Which cases are duplicates is ours to say.")
        # In the order of their ids, as everybody does who takes links apart.
        await tx.find_many(Case, [case_id, *cmd.not_duplicate_of], lock=True)
    case = await case_for(caller, case_id, tx, command="correct")
    named = {"site_id": (KnownSite, cmd.site_id), "contact_id": (KnownContact, cmd.contact_id)}
    await must_be_of(case.account_id, named, tx, consumer="cases")
    await part_from_duplicates(case, cmd.not_duplicate_of, cmd.reason, Actor.of(caller), tx)
    await correct_case(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
