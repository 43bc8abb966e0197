"""Reads: technicians and the map."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.events.values import CountryCode
from libs.kit.auth import STAFF
from libs.kit.calendar import WeeklyWindow
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, contains, listed, order
from libs.kit.names import Words, has_words
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.kit.rows import visible
from libs.store import Transaction
from services.onsite.model.people import KnownPerson
from services.onsite.model.places import Location, Place
from services.onsite.model.technician import Absence, Authorisation, Technician, Territory
from services.onsite.queries.access import technicians_visible_to

router = Router(tags=["technicians"])


class TechnicianOut(Out):
    """`name` and `phone` are the person's of now; the person's e-mail address stands with the gateway. Without a `person` they and `email`
    are as somebody typed them."""

    id: UUID
    name: str | None
    person_id: UUID | None
    person: NamedPerson | None
    email: str | None
    phone: str | None
    authorisations: list[Authorisation]
    skills: list[str]
    territories: list[Territory]
    hours: list[WeeklyWindow]
    time_zone: str
    holidays_country: str | None
    absences: list[Absence]
    home: Location | None
    active: bool


class PlaceOut(Out):
    id: UUID
    country: str
    name: str
    latitude: float
    longitude: float


async def technician_out(technician: Technician, tx: Transaction) -> TechnicianOut:
    """Under the name of now."""
    id, shown = technician.person_id, {**vars(technician), "person": None}
    if id is not None:
        found = await KnownPerson.find(id, tx)
        person = NamedPerson.of(id, {id: found} if found else {})
        shown |= {"person": person, "name": person.name, "phone": found and found.phone}
    return TechnicianOut.model_validate(shown)


_NAME_OF_NOW = sa.select(KnownPerson.c.sort_key).where(KnownPerson.c.id == Technician.c.person_id).scalar_subquery()


class TechnicianList(Listing):
    keys = {"name": sa.func.coalesce(_NAME_OF_NOW, Technician.c.sort_key)}  # noqa: RUF012
    own = frozenset({"q"})

    q: Words = None
    person_id: UUID | None = None
    active: bool | None = None
    family: Word | None = None
    sort: str = order("created_at", "name")


class PlaceList(Listing):
    q: Words = None
    country: CountryCode | None = None
    sort: str = order("created_at", "name")


@router.get("/v1/technicians", dependencies=[allow(*STAFF, "technician")])
async def list_technicians_route(
    tx: Tx, caller: Caller, asked: Annotated[TechnicianList, Query()]
) -> Page[TechnicianOut]:
    """By age of the record."""
    rows = technicians_visible_to(caller)
    if asked.family is not None:
        rows.append(contains(Technician.c.authorisations, [{"family": asked.family}]))
    if asked.q is not None:
        people = sa.select(KnownPerson.c.id).where(has_words(KnownPerson.c.words, asked.q))
        rows.append(sa.or_(has_words(Technician.c.words, asked.q), Technician.c.person_id.in_(people)))

    async def people_of(technicians: Sequence[Technician]) -> None:
        await tx.find_many(KnownPerson, [each.person_id for each in technicians if each.person_id])

    return await listed(
        tx, Technician, asked, rows, out=lambda technician: technician_out(technician, tx), beside=people_of
    )


@router.get("/v1/technicians/{technician_id}", dependencies=[allow(*STAFF, "technician")])
async def get_technician_route(technician_id: UUID, tx: Tx, caller: Caller) -> TechnicianOut:
    rows = technicians_visible_to(caller)
    return await technician_out(await visible(Technician, technician_id, rows, tx), tx)


@router.get("/v1/places", dependencies=[allow(*STAFF)])
async def list_places_route(tx: Tx, asked: Annotated[PlaceList, Query()]) -> Page[PlaceOut]:
    return await listed(tx, Place, asked, out=PlaceOut.model_validate)


@router.get("/v1/places/{place_id}", dependencies=[allow(*STAFF)])
async def get_place_route(place_id: UUID, tx: Tx) -> PlaceOut:
    return PlaceOut.model_validate(await Place.get(place_id, tx))
