"""What the customer negotiated with the partner: kept on record and used (S7)."""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from libs.kit.problems import Unprocessable
from libs.store import Entity, Transaction

BEGINS = "begins"
"""Its timer: the first instant of its first day."""


class ValidityTurned(Unprocessable):
    title = "It ends before it begins"


class Agreement(
    Entity,
    table="partner_agreements",
    indexes=(
        ("partner_id", "account_id"),
        ("created_at", "id"),
        ("account_id", "created_at", "id"),
        ("partner_id", "created_at", "id"),
    ),
):
    """Valid from the first to the last day, both included, in its own time zone; without a last day until ended."""

    account_id: UUID
    partner_id: UUID
    reference: str
    valid_from: date
    valid_until: date | None
    time_zone: str
    recorded_by: str
    created_at: datetime

    def must_be_complete(self) -> None:
        """Raises ValidityTurned when it ends before it begins."""
        if self.valid_until and self.valid_until < self.valid_from:
            raise ValidityTurned("valid_until is before valid_from.")

    @property
    def begins_at(self) -> datetime:
        """The first instant of its first day, in its time zone."""
        return datetime.combine(self.valid_from, time(), ZoneInfo(self.time_zone))

    def valid(self, at: datetime) -> bool:
        """Whether it holds at this instant."""
        after = self.valid_until and datetime.combine(
            self.valid_until + timedelta(days=1), time(), ZoneInfo(self.time_zone)
        )
        return self.begins_at <= at and (not after or at < after)


async def agreement_between(account_id: UUID, partner_id: UUID, tx: Transaction) -> Agreement | None:
    """The agreement that is valid now; of several the one that was recorded last."""
    found = await tx.select(
        Agreement,
        Agreement.c.account_id == account_id,
        Agreement.c.partner_id == partner_id,
        order_by=(sa.desc(Agreement.c.created_at), Agreement.c.id),
    )
    return next((agreement for agreement in found if agreement.valid(tx.now)), None)
