"""Intake: takes a request at any hour by whatever channel, and asks nobody but its own database (S1, S18)."""

from typing import Self
from uuid import UUID

import sqlalchemy as sa
from fastapi import Response
from pydantic import BaseModel, Field, model_validator

from libs.events.cases import CaseOpened, ExternalIdentifier
from libs.events.values import Channel, Impact, Language, Severity
from libs.kit.auth import CASE_WRITERS, Principal
from libs.kit.fields import Line, ProductNumber, Serial, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Compiled, NotFound, Transaction, given, next_value
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.lifecycle import OPEN, REFUSING
from services.cases.model.parts import StateChange
from services.cases.model.policy import CasesPolicy, policies
from services.cases.queries.access import case_for
from services.cases.queries.answers import CaseOut, fields_out
from services.cases.queries.problems import KnownError, known_errors
from services.cases.use_cases.route_case import route

router = Router(tags=["cases"])
_LINKED = 20


class NoSuchParent(Unprocessable):
    """A parent is an open case of the same account that is no child itself."""


class ExternalId(Command):
    owner: Line
    id: Line


class OpenCase(Command):
    description: Text
    observed_impact: Impact
    severity: Severity
    language: Language
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    no_product_reason: Text | None = None
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
        if self.no_product_reason is None and not (self.product_number and self.serial):
            raise ValueError("give product_number and serial, or no_product_reason")
        return self


class OpenedCase(CaseOut):
    known_errors: list[KnownError]


class Opening(BaseModel):
    """A request as any channel brings it."""

    id: UUID
    account_id: UUID
    channel: Channel
    reporter_name: str
    alert_id: UUID | None = None
    family: str | None = None
    cmd: OpenCase


async def open_case(opening: Opening, policy: CasesPolicy, actor: Actor, tx: Transaction) -> Case:
    """Links likely duplicates and drops none; coverage comes later by itself."""
    cmd = opening.cmd
    if cmd.parent_id:
        await check_parent(cmd.parent_id, opening.account_id, tx)
    number, duplicates = await number_and_likely_duplicates(opening.account_id, cmd.serial, tx)
    case = Case(
        id=opening.id, number=number, priority=policy.priorities[cmd.severity],
        account_id=opening.account_id, channel=opening.channel, reporter_name=opening.reporter_name, alert_id=opening.alert_id,
        family=opening.family, customer_severity=cmd.severity, opened_by=actor.by, opened_at=tx.now, epoch_began_at=tx.now,
        external_identifiers=[ExternalIdentifier(owner=e.owner, id=e.id) for e in cmd.external_identifiers],
        duplicate_of=duplicates,
        history=[StateChange(state="acknowledged", at=tx.now, by=actor.by, reason="opened")],
        **{name: getattr(cmd, name) for name in _AS_GIVEN},
    )  # fmt: skip
    tx.add(case)
    tx.emit(
        CaseOpened(
            case_id=case.id, by=actor.by, by_role=actor.role, **{n: getattr(case, n) for n in _AS_GIVEN | _AS_KEPT}
        )
    )
    await route(case, tx, actor.by, default=policy.default_queue)
    return case


_AS_GIVEN = frozenset(
    {
        "description", "observed_impact", "severity", "product_number", "serial", "no_product_reason", "site_id", "contact_id",
        "language", "parent_id", "follow_up_of",
    }
)  # fmt: skip
_AS_KEPT = frozenset(
    {
        "number", "account_id", "reporter_name", "channel", "priority", "opened_at", "duplicate_of", "alert_id",
        "external_identifiers",
    }
)  # fmt: skip


_OF_THE_SAME_PRODUCT = (
    sa.select(Case.c.id)
    .where(Case.c.account_id == given("account_id"), Case.c.serial == given("serial"), Case.c.state.in_(OPEN))
    .order_by(Case.c.opened_at)
    .limit(_LINKED)
)
_NUMBER_AND_DUPLICATES = Compiled(sa.select(next_value("CASE"), sa.func.array(_OF_THE_SAME_PRODUCT.scalar_subquery())))


async def number_and_likely_duplicates(account_id: UUID, serial: str | None, tx: Transaction) -> tuple[str, list[UUID]]:
    """Of a request that names no unit nothing is a duplicate."""
    ((number, duplicates),) = await tx.fetch(_NUMBER_AND_DUPLICATES, account_id=account_id, serial=serial)
    return tx.numbered("CASE", number), duplicates


async def check_parent(parent_id: UUID, account_id: UUID, tx: Transaction) -> None:
    """Locks the parent, so that it is not closed over a child that is just being made. Raises NoSuchParent."""
    parent = await Case.find(parent_id, tx, lock=True)
    if parent is None or parent.account_id != account_id or parent.parent_id or parent.state in REFUSING:
        raise NoSuchParent(
            "A parent is an open case of the same account that is no child itself.", parent_id=str(parent_id)
        )


def _channel(caller: Principal, wanted: Channel | None) -> Channel:
    if wanted and (caller.staff or wanted in {"portal", "api", "email"}):
        return wanted
    usual: dict[str, Channel] = {"customer": "api", "reseller": "partner", "partner": "partner"}
    return usual.get(caller.role, "phone")


@router.post(
    "/v1/cases",
    dependencies=[allow(*CASE_WRITERS)],
    status_code=201,
)
async def open_case_route(cmd: OpenCase, tx: Tx, caller: Caller, response: Response) -> OpenedCase:
    """Open a service request; published known errors that fit its words are proposed at once (S25)."""
    account_id = caller.account(cmd.account_id)
    if cmd.follow_up_of:
        earlier = await case_for(caller, cmd.follow_up_of, tx)
        if earlier.account_id != account_id:
            raise NotFound("case", cmd.follow_up_of)
    opening = Opening(
        id=new_id(), account_id=account_id, channel=_channel(caller, cmd.channel), cmd=cmd,
        reporter_name=cmd.reporter_name or caller.name,
    )  # fmt: skip
    policy = await policies.at(tx, severity=cmd.severity)
    case = await open_case(opening, policy, Actor.of(caller), tx)
    known = await known_errors(
        tx,
        cmd.description,
        limit=policy.known_errors_proposed,
        product_number=cmd.product_number,
        firmware=cmd.firmware,
    )
    response.headers["location"] = f"/v1/cases/{case.id}"
    return OpenedCase.model_validate({**fields_out(case), "known_errors": known})
