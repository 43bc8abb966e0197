"""Partners: what they permit and how they are reached. Credentials go in, and never come out again."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from libs.events.values import PartnerContact
from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, Url
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.outgoing import check_url
from libs.kit.twins import refuse_twin
from libs.store import Transaction
from libs.store.ids import new_id
from services.ecps.model.partner import ConnectorKind, Level, Minutes, Partner, PartnerChange
from services.ecps.model.policy import policies
from services.ecps.model.secrets import Credentials, seal
from services.ecps.queries.partners import PartnerOut
from services.ecps.reactions.decide_eligibility import reconsider_all

router = Router(tags=["partners"])
Lines = Annotated[list[Line], Field(max_length=200)]


class Contact(BaseModel):
    name: Line
    email: Line | None = None
    phone: Line | None = None
    url: Line | None = None

    def value(self) -> PartnerContact:
        """The contact as events and rows hold it."""
        return PartnerContact.model_validate(self.model_dump())


class ProcedureLevel(BaseModel):
    contact: Contact
    response_minutes: Minutes


Procedure = Annotated[list[ProcedureLevel], Field(max_length=10)]


class CreatePartner(Command):
    code: Line
    name: Line
    approved_strategic: bool = False
    permits_direct_work: bool = False
    requires_agreement: bool = True
    products: Lines = Field(default_factory=list)
    environments: Lines = Field(default_factory=list)
    contact: Contact
    response_minutes: Minutes | None = Field(None, description="for a first answer; none: as the policy says")
    procedure: Procedure = Field(default_factory=list)
    connector: ConnectorKind = "manual"
    base_url: Url | None = None
    credentials: Credentials | None = None


class ChangePartner(Command):
    """What is left out stays; `base_url` and `credentials` are taken away by null."""

    name: Line | None = None
    approved_strategic: bool | None = None
    permits_direct_work: bool | None = None
    requires_agreement: bool | None = None
    products: Lines | None = None
    environments: Lines | None = None
    contact: Contact | None = None
    response_minutes: Minutes | None = None
    procedure: Procedure | None = None
    connector: ConnectorKind | None = None
    base_url: Url | None = None
    credentials: Credentials | None = None
    why: Line


async def create_partner(cmd: CreatePartner, tx: Transaction) -> Partner:
    """Raises ThereAlready, ConnectorIncomplete, AddressRefused. What waited for this partner goes on by itself."""
    await refuse_twin(Partner, tx, code=cmd.code)
    policy = await policies.at(tx)
    partner = Partner(
        id=new_id(),
        code=cmd.code,
        name=cmd.name,
        approved_strategic=cmd.approved_strategic,
        permits_direct_work=cmd.permits_direct_work,
        requires_agreement=cmd.requires_agreement,
        products=cmd.products,
        environments=cmd.environments,
        contact=cmd.contact.value(),
        response_minutes=cmd.response_minutes or policy.partner_response_minutes,
        procedure=_levels(cmd.procedure),
        connector=cmd.connector,
        base_url=cmd.base_url,
        sealed_credentials=seal(cmd.credentials) if cmd.credentials else None,
        history=[PartnerChange(at=tx.now, by=tx.scope.actor, what="added")],
        created_at=tx.now,
    )
    _check(partner)
    tx.add(partner)
    await tx.flush()
    await reconsider_all(partner, tx)
    return partner


async def change_partner(partner: Partner, cmd: ChangePartner, tx: Transaction) -> Partner:
    """For a locked partner. What was not openable for want of a permission goes on by itself.

    Only what changed goes into the history. Raises ConnectorIncomplete, AddressRefused.
    """
    changed = _apply(partner, cmd)
    _check(partner)
    if changed:
        what = f"{', '.join(sorted(changed))}: {cmd.why}"
        partner.history = [*partner.history, PartnerChange(at=tx.now, by=tx.scope.actor, what=what)]
    await reconsider_all(partner, tx)
    return partner


def _apply(partner: Partner, cmd: ChangePartner) -> set[str]:
    """The names of what changed. Credentials that are sent are taken for new ones: what they were cannot be compared."""
    given = {name: getattr(cmd, name) for name in cmd.model_fields_set - {"why", "credentials"}}
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None or name == "base_url"}
    if cmd.contact:
        wanted["contact"] = cmd.contact.value()
    if cmd.procedure is not None:
        wanted["procedure"] = _levels(cmd.procedure)
    changed = {name for name, value in wanted.items() if getattr(partner, name) != value}
    for name in changed:
        setattr(partner, name, wanted[name])
    if "credentials" in cmd.model_fields_set and (cmd.credentials or partner.has_credentials):
        partner.sealed_credentials = seal(cmd.credentials) if cmd.credentials else None
        changed.add("credentials")
    return changed


def _levels(procedure: list[ProcedureLevel]) -> list[Level]:
    return [Level(contact=each.contact.value(), response_minutes=each.response_minutes) for each in procedure]


def _check(partner: Partner) -> None:
    partner.must_be_complete()
    if partner.base_url:
        check_url(partner.base_url, field="base_url")


@router.post("/v1/partners", dependencies=[allow(*MANAGERS)], status_code=201)
async def create_partner_route(cmd: CreatePartner, tx: Tx, caller: Caller) -> PartnerOut:
    return PartnerOut.of(await create_partner(cmd, tx), caller)


@router.patch("/v1/partners/{partner_id}", dependencies=[allow(*MANAGERS)])
async def change_partner_route(partner_id: UUID, cmd: ChangePartner, tx: Tx, caller: Caller) -> PartnerOut:
    return PartnerOut.of(await change_partner(await Partner.get(partner_id, tx, lock=True), cmd, tx), caller)
