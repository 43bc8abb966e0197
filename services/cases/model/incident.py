"""A mass incident: one case that many others are part of, of whatever account.

A parent is of its children's account and the customer reads who it is. Of which incident a case is part, staff alone see: no answer, no
public fact and no note of a customer's case names it. An incident has no parent and is part of none, so there is no circle.
"""

from uuid import UUID

import sqlalchemy as sa

from libs.kit.problems import Unprocessable
from services.cases.model.case import Case
from services.cases.model.lifecycle import REFUSING


class NoSuchIncident(Unprocessable):
    """An incident is another open case that has no parent and is part of none itself."""


def join(case: Case, incident: Case) -> None:
    """Raises NoSuchIncident."""
    must_be_one(None if incident.id == case.id or case.is_incident else incident, incident.id)
    case.incident_id, incident.is_incident = incident.id, True


def must_be_one(case: Case | None, id: UUID) -> None:
    """Or may become one. Raises NoSuchIncident."""
    if case is None or case.parent_id or case.incident_id or case.state in REFUSING:
        raise NoSuchIncident(
            "An incident is another open case that has no parent and is part of none, and no incident is part of another.",
            incident_id=str(id),
        )


def below(case: Case) -> sa.ColumnElement[bool]:
    """Its children, and those that are part of it."""
    children = Case.c.parent_id == case.id
    return sa.or_(children, Case.c.incident_id == case.id) if case.is_incident else children
