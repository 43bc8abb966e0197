"""What may be asked of the list of cases, and which rows that is."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BeforeValidator, Field

from libs.events.values import Instant, Priority, Severity, Wait
from libs.kit.auth import Principal
from libs.kit.fields import Line, ProductNumber, Serial, Word
from libs.kit.listing import COUNTS, DatedListing, Summarised, contains, is_set, order
from libs.kit.people import PersonRequired
from libs.kit.problems import Forbidden
from libs.kit.rows import Rows
from services.cases.model.case import Case
from services.cases.model.case_indexes import case_external_ids, coverage_status, due_or_never
from services.cases.model.case_values import CoverageStatus
from services.cases.model.lifecycle import OPEN, OVER, CaseState
from services.cases.queries.access import visible_to
from services.cases.queries.case_search import SEARCHED
from services.cases.queries.followers import followed_by


def _id_alone(said: object) -> object:
    """A person may be named as histories do, `engineer:<id>`."""
    return re.sub("^[a-z]+:", "", said) if isinstance(said, str) else said


Person = Annotated[UUID | Literal["me"], BeforeValidator(_id_alone)]


class CaseList(Summarised, DatedListing):
    keys: ClassVar[Mapping[str, sa.ColumnElement[Any]]] = {"next_due": due_or_never}
    own: ClassVar[frozenset[str]] = frozenset({"q", "coverage", "tag"})

    q: Line | None = Field(None, description=SEARCHED)
    state: list[CaseState] | None = None
    open: bool | None = Field(None, description="neither resolved nor over")
    severity: Severity | None = None
    priority: Priority | None = None
    account_id: UUID | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None
    product_number: ProductNumber | None = None
    family: Line | None = None
    serial: Serial | None = None
    number: Line | None = None
    queue: Line | None = None
    assignee: Person | None = Field(None, description="a person's id, `me`, or as histories name them: `engineer:<id>`")
    unassigned: bool | None = Field(None, description="whether nobody has it")
    following: Person | None = Field(None, description="who follows it: the id of a person or contact, or `me`")
    wait: Wait | None = Field(None, description="open cases that wait for this now")
    coverage: CoverageStatus | None = None
    closing_code: Word | None = None
    tag: Word | None = Field(None, description="for staff")
    problem_id: UUID | None = None
    parent_id: UUID | None = None
    incident_id: UUID | None = Field(None, description="for staff: cases that are part of this one; of others' none is")
    external_id: Line | None = None
    opened_from: Instant | None = None
    opened_before: Instant | None = None
    counts: list[Literal["state", "severity", "priority"]] | None = Field(None, description=COUNTS)
    sort: str = order("-opened_at", "next_due", "updated_at")


def rows_of(asked: CaseList, caller: Principal) -> tuple[CaseList, Rows]:
    """The query as kit applies it, and the rows that it leaves to this list. Raises PersonRequired, Forbidden."""
    rows = visible_to(caller)
    if asked.sort.endswith("next_due") and not caller.staff:
        raise Forbidden("What is due among ourselves is an order for staff.", sort=asked.sort)
    if asked.incident_id and not caller.staff:
        rows.append(sa.false())
    if asked.assignee == "me":
        if caller.person_id is None:
            raise PersonRequired("A system is nobody's assignee: say whose.", field="assignee")
        asked = asked.model_copy(update={"assignee": caller.person_id})
    if asked.following:
        follower = caller.person_id if asked.following == "me" else asked.following
        if follower is None:
            raise PersonRequired("A system follows nothing: say who does.", field="following")
        rows.append(followed_by(follower, caller))
    rows += is_set(Case.c.assignee, None if asked.unassigned is None else not asked.unassigned)
    if asked.open is not None:
        # What runs comes first in the order of what is due: a walk along it meets few that are over.
        walks = asked.open and asked.sort == "next_due"
        rows.append(Case.c.state.not_in(OVER) if walks else Case.c.state.in_(OPEN if asked.open else OVER))
    if asked.wait:
        rows += [Case.c.state.in_(OPEN), contains(Case.c.waits, [{"kind": asked.wait, "ended_at": None}])]
    if asked.coverage:
        rows.append(coverage_status == asked.coverage)
    if asked.external_id:
        its = sa.select(case_external_ids.c.case_id).where(case_external_ids.c.external_id == asked.external_id)
        rows.append(Case.c.id.in_(its))
    return asked, rows
