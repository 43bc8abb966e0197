"""Partners: what they permit and how they are reached. Credentials go in, and never come out again."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from libs.kit.auth import MANAGERS
from libs.kit.fields import Email, Line, Url
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.outgoing import check_url
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from libs.store import Transaction
from services.ecps.model.partner import ConnectorKind, Minutes, Partner, PartnerChange
from services.ecps.model.policy import policies
from services.ecps.model.secrets import Credentials, seal
from services.ecps.queries.partners import PartnerOut
from services.ecps.reactions.decide_eligibility import reconsider_all
from services.ecps.reactions.mend_credentials import use_mended

router = Router(tags=["partners"])
Lines = Annotated[list[Line], Field(max_length=200)]


class Contact(BaseModel):
    name: Line
    email: Email | None = None
    phone: Line | None = None
    url: Line | None = None


class ProcedureLevel(BaseModel):
    contact: Contact
    response_minutes: Minutes


class PartnerFields(Command):
    name: Line
    approved_strategic: bool = False
    permits_direct_work: bool = False
    requires_agreement: bool = True
    products: Lines = Field(default_factory=list)
    environments: Lines = Field(default_factory=list)
    contact: Contact
    procedure: Annotated[list[ProcedureLevel], Field(max_length=10)] = Field(default_factory=list)
    connector: ConnectorKind = "manual"
    base_url: Url | None = None
    search_by: Annotated[Line, Field(pattern=r"^[A-Za-z0-9_.\-]{1,100}$")] | None = None
    ticket_page: Url | None = None
    """Where people read a ticket of theirs: `{ticket}` stands for its number."""
    credentials: Credentials | None = None


class CreatePartner(New, PartnerFields):
    code: Line
    response_minutes: Minutes | None = Field(None, description="for a first answer; none: as the policy says")


class ChangePartner(Patch, PartnerFields, needs=("why",)):
    response_minutes: Minutes
    why: Line


@router.post("/v1/partners", dependencies=[allow(*MANAGERS)], status_code=201)
async def create_partner_route(cmd: CreatePartner, tx: Tx, caller: Caller) -> PartnerOut:
    """Adds a partner; its code is used once. What waited for this partner goes on by itself."""
    await refuse_twin(Partner, tx, code=cmd.code)
    minutes = cmd.response_minutes or (await policies.at(tx)).partner_response_minutes
    partner = cmd.make(Partner, tx, response_minutes=minutes, sealed_credentials=None, history=[])
    _seal(partner, cmd)
    await _keep(partner, "added", tx)
    return PartnerOut.of(partner, caller)


@router.patch("/v1/partners/{partner_id}", dependencies=[allow(*MANAGERS)])
async def change_partner_route(partner_id: UUID, cmd: ChangePartner, tx: Tx, caller: Caller) -> PartnerOut:
    """Changes a partner; what waited for a permission, or for credentials, goes on by itself. Only what is other than before goes into the history."""
    partner = await Partner.get(partner_id, tx, lock=True)
    changed = cmd.apply_to(partner)
    if _seal(partner, cmd):
        changed.append("credentials")
    if partner.credentials_refused_at and {"credentials", "base_url", "connector"} & {*changed}:
        await use_mended(partner, tx)
    if changed:
        await _keep(partner, f"{', '.join(sorted(changed))}: {cmd.why}", tx)
    return PartnerOut.of(partner, caller)


def _seal(partner: Partner, cmd: PartnerFields) -> bool:
    """Whether its credentials are others now; any that are sent are taken for new ones."""
    if "credentials" not in cmd.model_fields_set or not (cmd.credentials or partner.has_credentials):
        return False
    if cmd.credentials and cmd.credentials.token_url:
        check_url(cmd.credentials.token_url, field="token_url")
    partner.sealed_credentials = seal(cmd.credentials) if cmd.credentials else None
    return True


async def _keep(partner: Partner, what: str, tx: Transaction) -> None:
    """Raises ConnectorIncomplete, AddressRefused."""
    partner.must_be_complete()
    if partner.base_url:
        check_url(partner.base_url, field="base_url")
    partner.history = [*partner.history, PartnerChange(at=tx.now, by=tx.scope.actor, what=what)]
    await reconsider_all(partner, tx)
