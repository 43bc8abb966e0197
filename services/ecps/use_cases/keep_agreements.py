"""Agreements between customers and partners: on record, and used as soon as they are valid (S7)."""

from datetime import date
from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Line, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.rows import visible
from libs.store import Transaction
from services.ecps.model.agreement import Agreement
from services.ecps.model.partner import Partner
from services.ecps.queries.access import agreements_visible_to
from services.ecps.queries.partners import AgreementOut
from services.ecps.reactions.use_agreement import use

router = Router(tags=["partner agreements"])


class AgreementFields(Command):
    reference: Line
    valid_from: date
    valid_until: date | None = None
    """Without it, there is no end."""


class CreateAgreement(New, AgreementFields):
    """`account_id` may be left out by a caller with one account. The days are whole days in `time_zone`."""

    account_id: UUID | None = None
    partner_id: UUID
    time_zone: Zone = "UTC"


class ChangeAgreement(Patch, AgreementFields):
    pass


async def create_agreement(cmd: CreateAgreement, account_id: UUID, tx: Transaction) -> Agreement:
    """Raises ValidityTurned, NotFound for a partner that is not there."""
    partner = await Partner.get(cmd.partner_id, tx, lock=True)
    agreement = cmd.make(Agreement, tx, account_id=account_id, recorded_by=tx.scope.actor)
    agreement.must_be_complete()
    await use(agreement, partner, tx)
    return agreement


@router.post("/v1/partner-agreements", dependencies=[allow(*ACCOUNT_KEEPERS)], status_code=201)
async def create_agreement_route(cmd: CreateAgreement, tx: Tx, caller: Caller) -> AgreementOut:
    """Puts an agreement on record; what waited for it goes on by itself (S7)."""
    return AgreementOut.model_validate(await create_agreement(cmd, caller.account(cmd.account_id), tx))


@router.patch("/v1/partner-agreements/{agreement_id}", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def change_agreement_route(agreement_id: UUID, cmd: ChangeAgreement, tx: Tx, caller: Caller) -> AgreementOut:
    """Corrects an agreement; what waited for it goes on by itself (S7)."""
    agreement = await visible(Agreement, agreement_id, agreements_visible_to(caller), tx, lock=True)
    partner = await Partner.get(agreement.partner_id, tx, lock=True)
    cmd.apply_to(agreement)
    agreement.must_be_complete()
    await use(agreement, partner, tx)
    return AgreementOut.model_validate(agreement)
