"""Intake: takes a request at any hour by whatever channel, and asks nobody but its own database (S1, S18)."""

from typing import Any, Self
from uuid import UUID

from fastapi import Response
from pydantic import Field, model_validator

from libs.events.cases import ExternalIdentifier
from libs.events.values import Channel, Impact, Language, Severity
from libs.kit.auth import CASE_WRITERS, Principal
from libs.kit.fields import Line, ProductNumber, Serial, Text
from libs.kit.forgetting import may_be_named
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import must_be_of
from libs.store import NotFound, Transaction
from libs.store.ids import new_id
from services.cases.model.actor import channel_of
from services.cases.model.people import KnownContact, KnownSite
from services.cases.model.policy import policies
from services.cases.model.request import Request
from services.cases.model.wording import say
from services.cases.queries.access import case_for
from services.cases.queries.announcements import Announced, concerning
from services.cases.queries.answers import CaseOut, fields_out
from services.cases.queries.likely_problems import Unit, likely
from services.cases.queries.problems import KnownError
from services.cases.reactions.take_request import take_request
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.open_for_units import MOST_UNITS, NamedUnit, UnitCase, must_be_different, open_for_units

router = Router(tags=["cases"])
_AS_GIVEN = (
    "description",
    "observed_impact",
    "severity",
    "language",
    "product_number",
    "serial",
    "no_product_reason",
    "contact_id",
    "site_id",
    "parent_id",
    "follow_up_of",
)
_PROPOSED = 0.2
"""The least of what a request says that is said of a known error that is proposed."""


class ExternalId(Command):
    """What another system calls the case."""

    owner: Line
    id: Line


class OpenCase(Command):
    """A request, about a unit (`product_number` and `serial`), several (`units`: a case for each, below one for all) or none
    (`no_product_reason`)."""

    description: Text
    observed_impact: Impact
    severity: Severity
    language: Language
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    no_product_reason: Text | None = None
    units: list[NamedUnit] = Field(default_factory=list, max_length=MOST_UNITS)
    firmware: Line | None = None
    account_id: UUID | None = None
    """Required of staff and of whoever acts for several accounts."""
    contact_id: UUID | None = None
    reporter_name: Line | None = None
    """Whom an engineer opens it for; else the caller."""
    site_id: UUID | None = None
    channel: Channel | None = None
    parent_id: UUID | None = None
    follow_up_of: UUID | None = None
    external_identifiers: list[ExternalId] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.units and (self.product_number or self.serial or self.parent_id):
            raise ValueError("a request of several units has units alone, and is below no other case")
        if not self.units and self.no_product_reason is None and not (self.product_number and self.serial):
            raise ValueError("give product_number and serial, or no_product_reason")
        return self


class OpenedCase(CaseOut):
    """The case, the published known errors that fit its words, and where it is for several units the case of each."""

    known_errors: list[KnownError]
    announcements: list[Announced]
    """In force and about this unit, or about what the account has where none is named."""
    units: list[UnitCase]


def _request(cmd: OpenCase, account_id: UUID, caller: Principal, *, named: str | None) -> Request:
    return Request(
        id=new_id(),
        account_id=account_id,
        channel=channel_of(caller, cmd.channel),
        reporter_name=named,
        external_identifiers=[ExternalIdentifier(owner=e.owner, id=e.id) for e in cmd.external_identifiers],
        **_as_given(cmd),
    )


def _as_given(cmd: OpenCase) -> dict[str, Any]:
    given = {name: getattr(cmd, name) for name in _AS_GIVEN}
    if cmd.units and not cmd.no_product_reason:
        given["no_product_reason"] = say("several_units", cmd.language, count=str(len(cmd.units)))
    return given


def _product_of(cmd: OpenCase) -> str | None:
    """Of several units, where it is one."""
    products = {unit.product_number for unit in cmd.units}
    return products.pop() if len(products) == 1 else cmd.product_number


async def open_case(cmd: OpenCase, caller: Principal, tx: Transaction) -> OpenedCase:
    """Raises what refuses a request."""
    must_be_different(cmd.units)
    account_id = caller.account(cmd.account_id)
    if cmd.follow_up_of:
        earlier = await case_for(caller, cmd.follow_up_of, tx)
        if earlier.account_id != account_id:
            raise NotFound("case", cmd.follow_up_of)
    named = {"site_id": (KnownSite, cmd.site_id), "contact_id": (KnownContact, cmd.contact_id)}
    await must_be_of(account_id, named, tx, consumer="cases")
    policy = await policies.at(tx, severity=cmd.severity)
    actor = await who_acts(caller, tx)
    may_be = actor.name is not None and await may_be_named(tx, (KnownContact, cmd.contact_id))
    name = (cmd.reporter_name or actor.name) if may_be else None
    request = _request(cmd, account_id, caller, named=name)
    case = await take_request(request, policy, actor, tx)
    units = await open_for_units(case, request, cmd.units, policy, actor, tx)
    unit = Unit(_product_of(cmd), cmd.firmware)
    known = await likely(
        tx, cmd.description, unit, published=True, limit=policy.known_errors_proposed, at_least=_PROPOSED
    )
    products = {each for each in (cmd.product_number, *(unit.product_number for unit in cmd.units)) if each}
    announced = await concerning([account_id], tx, units=products or None)
    return OpenedCase.model_validate(
        {**await fields_out(case, caller, tx), "known_errors": known, "announcements": announced, "units": units}
    )


@router.post("/v1/cases", dependencies=[allow(*CASE_WRITERS)], status_code=201)
async def open_case_route(cmd: OpenCase, tx: Tx, caller: Caller, response: Response) -> OpenedCase:
    """Open a service request; published known errors that fit its words, and what is announced of its unit, are told at once (S25)."""
    opened = await open_case(cmd, caller, tx)
    response.headers["location"] = f"/v1/cases/{opened.id}"
    return opened
