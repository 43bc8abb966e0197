"""Our own people, for those who work here; customers see their names where they meet them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.events.gateway import PersonRole
from libs.events.values import Language
from libs.kit.auth import STAFF
from libs.kit.fields import Email
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import DatedListing, Out, contains, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.rows import Rows
from services.gateway.model.history import Change
from services.gateway.model.person import Person

router = Router(tags=["people"])


class PersonOut(Out):
    """`display_name` is what customers see. One who was erased has no name any more."""

    id: UUID
    name: str
    display_name: str
    email: str | None
    phone: str | None
    language: Language
    time_zone: str
    roles: list[PersonRole]
    active: bool
    successor_id: UUID | None
    erased_at: datetime | None
    created_at: datetime
    updated_at: datetime
    history: list[Change]


class PersonList(DatedListing):
    own = frozenset({"email", "role"})

    q: Words = None
    email: Email | None = Field(None, description="in whatever letter case")
    role: PersonRole | None = Field(None, description="only those who may act as this")
    active: bool | None = None
    sort: str = order("id", "name", "updated_at")


def with_email(email: str) -> sa.ColumnElement[bool]:
    """Whoever has this address, in whatever letter case."""
    return sa.func.lower(Person.c.email) == email.lower()


@router.get("/v1/people", dependencies=[allow(*STAFF)])
async def list_people_route(tx: Tx, asked: Annotated[PersonList, Query()]) -> Page[PersonOut]:
    rows: Rows = [with_email(asked.email)] if asked.email else []
    rows += [contains(Person.c.roles, [asked.role])] if asked.role else []
    return await listed(tx, Person, asked, rows, out=PersonOut.model_validate)


@router.get("/v1/people/{person_id}", dependencies=[allow(*STAFF)])
async def get_person_route(person_id: UUID, tx: Tx) -> PersonOut:
    return PersonOut.model_validate(await Person.get(person_id, tx))
