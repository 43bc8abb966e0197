"""Name the local resellers who honour a discount (S22)."""

from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Country, Email, Line, Phone, Url
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.entitlements.model.offer import Reseller
from services.entitlements.queries.contracts import ResellerOut

router = Router(tags=["resellers"])


class ResellerFields(Command):
    name: Line
    email: Email | None = None
    phone: Phone | None = None
    url: Url | None = None


class CreateReseller(New, ResellerFields):
    country: Country


class ChangeReseller(Patch, ResellerFields):
    """The country stays."""


@router.post("/v1/resellers", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_reseller_route(cmd: CreateReseller, tx: Tx) -> ResellerOut:
    """Names a reseller who honours our discounts (S22)."""
    return ResellerOut.model_validate(cmd.make(Reseller, tx))


@router.patch("/v1/resellers/{reseller_id}", dependencies=[allow(*MANAGERS)])
async def change_reseller_route(reseller_id: UUID, cmd: ChangeReseller, tx: Tx) -> ResellerOut:
    """Changes a reseller."""
    reseller = await Reseller.get(reseller_id, tx, lock=True)
    cmd.apply_to(reseller)
    return ResellerOut.model_validate(reseller)
