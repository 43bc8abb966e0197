"""The charges as an ERP books them."""

from datetime import datetime
from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.events.values import Money
from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import DatedListing, Out, listed, order
from libs.kit.paging import Page
from services.rma.model.rma import Rma

router = Router(tags=["charges"])
Exported = Literal["invoiced", "credited", "waived"]
"""While a charge is disputed the ERP is told nothing of it."""


class ChargeOut(Out):
    """`invoice_number` is the key: a line that comes again says the newest. `owed` is what is left of `amount`: all or nothing."""

    invoice_number: str
    charge: Exported
    amount: Money
    owed: Money
    account_id: UUID
    rma_id: UUID
    rma_number: str
    case_id: UUID
    part_number: str
    invoiced_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, rma: Rma) -> Self:
        if rma.invoice is None:
            raise RuntimeError(f"{rma.number}: the charge is {rma.charge} and no invoice is there.")
        amount = rma.invoice.amount
        left = amount.amount_minor if rma.charge == "invoiced" else 0
        return cls.model_validate(
            {
                **vars(rma),
                "invoice_number": rma.invoice.number,
                "amount": amount,
                "owed": amount.model_copy(update={"amount_minor": left}),
                "rma_id": rma.id,
                "rma_number": rma.number,
                "part_number": rma.sent_part,
                "invoiced_at": rma.invoice.invoiced_at,
            }
        )


class ChargeList(DatedListing):
    """Charges in the order of their changes."""

    charge: list[Exported] = Field(list(get_args(Exported)), min_length=1)
    sort: str = order("updated_at")


@router.get("/v1/charges", dependencies=[allow(*STAFF)])
async def list_charges_route(tx: Tx, asked: Annotated[ChargeList, Query()]) -> Page[ChargeOut]:
    """For the ERP. A disputed charge is left out until the depot has inspected or a manager has decided; then it comes again."""
    return await listed(tx, Rma, asked, out=ChargeOut.of)
