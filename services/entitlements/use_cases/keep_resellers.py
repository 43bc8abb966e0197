"""Name the local resellers who honour a discount (S22)."""

from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, Url
from libs.kit.http import Command, Router, Tx, allow
from libs.store.ids import new_id
from services.entitlements.model.fields import Country, Email, Phone, unchanged
from services.entitlements.model.offer import Reseller
from services.entitlements.queries.contracts import ResellerOut
from services.entitlements.use_cases.changes import Change

router = Router(tags=["resellers"])


class CreateReseller(Command):
    name: Line
    country: Country
    email: Email | None = None
    phone: Phone | None = None
    url: Url | None = None


class ChangeReseller(Change):
    name: Line = unchanged()
    email: Email | None = None
    phone: Phone | None = None
    url: Url | None = None


@router.post("/v1/resellers", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_reseller_route(cmd: CreateReseller, tx: Tx) -> ResellerOut:
    reseller = tx.add(
        Reseller(
            id=new_id(),
            name=cmd.name,
            country=cmd.country,
            email=cmd.email,
            phone=cmd.phone,
            url=cmd.url,
            created_at=tx.now,
        )
    )
    return ResellerOut.model_validate(reseller)


@router.patch("/v1/resellers/{reseller_id}", dependencies=[allow(*MANAGERS)])
async def change_reseller_route(reseller_id: UUID, cmd: ChangeReseller, tx: Tx) -> ResellerOut:
    reseller = await Reseller.get(reseller_id, tx, lock=True)
    cmd.apply(reseller)
    return ResellerOut.model_validate(reseller)
