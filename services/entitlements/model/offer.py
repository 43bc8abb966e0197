"""Professional-services discounts, and the resellers who honour them."""

from datetime import date, datetime
from typing import TypedDict
from uuid import UUID

from libs.events import values
from libs.kit.names import Found
from libs.store import Entity


class Reseller(Found, Entity, table="resellers", indexes=("country", ("sort_key", "id"))):
    """A company that honours our discounts in its country, with the contact that it publishes."""

    name: str
    country: str
    email: str | None
    phone: str | None
    url: str | None
    created_at: datetime

    def facts(self) -> values.Reseller:
        """What events say of it."""
        return values.Reseller(
            reseller_id=self.id, name=self.name, country=self.country, email=self.email, phone=self.phone, url=self.url
        )


class OfferFacts(TypedDict):
    offer_id: UUID
    contract_id: UUID
    account_id: UUID
    reference: str
    country: str
    resellers: list[values.Reseller]
    valid_until: date


class Offer(
    Entity,
    table="offers",
    indexes=(("account_id", "valid_until", "id"), "contract_id", ("valid_until", "id")),
    unique=("reference",),
):
    """One for each term of a contract and country of the account's sites; `id` is derived from both."""

    account_id: UUID
    contract_id: UUID
    reference: str
    country: str
    resellers: list[values.Reseller]
    valid_until: date
    created_at: datetime

    def facts(self) -> OfferFacts:
        """What events say of it."""
        return {
            "offer_id": self.id,
            "contract_id": self.contract_id,
            "account_id": self.account_id,
            "reference": self.reference,
            "country": self.country,
            "resellers": self.resellers,
            "valid_until": self.valid_until,
        }
