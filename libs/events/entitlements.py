"""What entitlements publishes: who is covered for what."""

from datetime import date
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from libs.events import labels
from libs.events.base import Event, drop, move, since
from libs.events.labels import ProductNumber, Serial
from libs.events.state import State
from libs.events.values import (
    Account,
    Contact,
    CountryCode,
    Instant,
    Language,
    NamedDay,
    OpeningHours,
    Product,
    Reseller,
    Site,
    TimeOfDay,
    TimeZone,
    WeeklyHours,
)


class CoverageDecided(
    Event, type="polyplus.entitlements.coverage-decided", version=2, visibility="public", subject="case_id"
):
    """What stands behind a case, and whether the contract covers it; receivers keep the highest revision (S2, S3, S13, S26, S28)."""

    case_id: UUID
    account_id: UUID
    revision: int  # from 1, counted per case
    covered: bool
    reason: str  # a code: active_contract, contract_expired, not_registered, no_product, overridden …
    plan: str | None = None
    contract_id: UUID | None = None
    features: list[str] = []
    options: list[str] = []  # bought with the contract
    onsite: bool = False
    onsite_reason: str | None = None
    published_cut_off: TimeOfDay = "15:00"  # the plan's, at the destination; contract_due is counted with it
    account: Account
    site: Site | None = None
    contact: Contact | None = None
    product: Product | None = None
    overridden: bool = False  # a manager's word, see CoverageOverridden
    unknown: list[Literal["site", "contact"]] = []  # what the request named and the account has not: left out
    corrections: int = 0  # of the case's unit, site or contact that this decision knows of
    decided_at: Instant


_PLACE = ("site.name", "site.address_lines", "site.postal_code", "site.access_notes")
since(CoverageDecided, 2, drop(*_PLACE, "contact.name", "contact.email", "contact.phone"))


class ContractActivated(
    Event, type="polyplus.entitlements.contract-activated", visibility="public", subject="contract_id"
):
    """A contract began or was renewed: its plan's features hold for the account until it ends (S13, S22)."""

    contract_id: UUID
    account_id: UUID
    number: str
    plan: str
    features: list[str]
    options: list[str] = []
    starts_on: date
    ends_on: date  # the last day of cover
    renewed: bool = False
    by: str
    activated_at: Instant


class ContractExpired(Event, type="polyplus.entitlements.contract-expired", visibility="public", subject="contract_id"):
    """A contract ended, or was ended early; cases opened while it ran keep their cover (S13, S22)."""

    contract_id: UUID
    account_id: UUID
    number: str
    plan: str
    ends_on: date
    reason: Literal["term", "cancelled", "superseded"] = "term"
    expired_at: Instant


class ContractExpiring(
    Event, type="polyplus.entitlements.contract-expiring", visibility="public", subject="contract_id"
):
    """A contract ends soon; told once for each of the policy's distances in each term (S13, S22)."""

    contract_id: UUID
    account_id: UUID
    number: str
    plan: str
    ends_on: date  # the last day of cover
    days_left: int
    told_at: Instant


class ContactErased(Event, type="polyplus.entitlements.contact-erased", visibility="public", subject="contact_id"):
    """A contact was forgotten: whoever keeps a name, an address or a number of this person deletes it (S11, S27)."""

    contact_id: UUID
    account_id: UUID
    by: str
    erased_at: Instant


class ProductRegistered(
    Event, type="polyplus.entitlements.product-registered", version=2, visibility="public", subject="registration_id"
):
    """A unit belongs to an account, with the site and contact that a case opened by the device itself needs (S11, S12, S16)."""

    registration_id: UUID
    account_id: UUID
    account_name: str
    product_number: ProductNumber
    serial: Serial
    family: str
    model: str
    hardware_revision: str | None = None
    contract_id: UUID | None = None
    plan: str | None = None
    features: list[str] = []
    site_id: UUID | None = None
    contact_id: UUID | None = None  # the unit's own, or else the site's
    by: str
    registered_at: Instant


since(
    ProductRegistered,
    2,
    move("site.site_id", "site_id"),
    move("contact.contact_id", "contact_id"),
    drop("site", "contact"),
)


class ProductTransferred(
    Event, type="polyplus.entitlements.product-transferred", version=2, visibility="public", subject="registration_id"
):
    """A registration moved to another site or account; tells who has it now and nothing of who had it before (S16)."""

    registration_id: UUID
    account_id: UUID
    account_name: str
    product_number: ProductNumber
    serial: Serial
    contract_id: UUID | None = None
    plan: str | None = None
    features: list[str] = []
    site_id: UUID | None = None
    contact_id: UUID | None = None
    by: str
    transferred_at: Instant


since(
    ProductTransferred,
    2,
    move("site.site_id", "site_id"),
    move("contact.contact_id", "contact_id"),
    drop("site", "contact"),
)


class SerialReplaced(
    Event, type="polyplus.entitlements.serial-replaced", visibility="public", subject="registration_id"
):
    """A registration moved to the serial of its replacement, and its cover with it; the old unit is retired (S2, S16)."""

    registration_id: UUID
    account_id: UUID
    product_number: ProductNumber
    old_serial: Serial
    new_serial: Serial
    new_product_number: ProductNumber | None = None  # of a substitute that is another product
    replaced_in_case: UUID | None = None
    rma_id: UUID | None = None
    replaced_at: Instant


class LicenceIssued(Event, type="polyplus.entitlements.licence-issued", visibility="public", subject="licence_id"):
    """An account may use a piece of software, on one unit where a serial is given; the key itself is not told (S13, S17)."""

    licence_id: UUID
    account_id: UUID
    contract_id: UUID | None = None
    software: str
    premium: bool = False
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    seats: int | None = None
    valid_from: date
    valid_until: date | None = None
    issued_at: Instant


class LicenceExpiring(Event, type="polyplus.entitlements.licence-expiring", visibility="public", subject="licence_id"):
    """A licence ends soon; told once for each of the policy's distances (S17)."""

    licence_id: UUID
    account_id: UUID
    software: str
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    valid_until: date
    days_left: int


class DiscountOffered(Event, type="polyplus.entitlements.discount-offered", visibility="public", subject="offer_id"):
    """An account with an active contract got its professional-services offer and the resellers who honour it (S22)."""

    offer_id: UUID
    contract_id: UUID
    account_id: UUID
    reference: str
    country: CountryCode
    resellers: list[Reseller]
    valid_until: date | None = None
    offered_at: Instant


class RegistrationState(
    State,
    type="polyplus.entitlements.registrations.v1",
    topic="entitlements.registrations",
    key="registration_key(product_number, serial)",
):
    """What is registered now: the latest record of its key on a compacted topic, null when gone."""

    account_id: UUID
    site_id: UUID | None = None
    product_number: ProductNumber
    serial: Serial
    family: str | None = None
    plan: str | None = None
    replaced_by: Serial | None = None  # the serial that took over


class ContactState(State, type="polyplus.entitlements.contact.v1", topic="entitlements.people", key="contact_id"):
    """A person at the customer, as they are now: null when forgotten."""

    account_id: UUID
    name: str
    email: str | None = None
    phone: str | None = None
    language: Language
    authorised: bool
    active: bool = True
    successor_id: UUID | None = None


class SiteState(State, type="polyplus.entitlements.site.v1", topic="entitlements.people", key="site_id"):
    """A place of the customer's, as it is called and found now: what no fact says of it."""

    account_id: UUID
    name: str
    address_lines: list[str]
    postal_code: str | None = None
    country: CountryCode | None = None
    access_notes: str | None = None


class CalendarState(State, type="polyplus.entitlements.calendar.v1", topic="entitlements.calendars", key="calendar_id"):
    """The business days of a country, or of a region of it: where it stands, what is known of it by itself does not count."""

    country: CountryCode
    region: str | None = None
    windows: list[WeeklyHours]
    holidays_country: str | None = None
    holidays_subdivision: str | None = None
    closed: list[NamedDay] = []
    working: list[NamedDay] = []


class SiteDaysState(State, type="polyplus.entitlements.site-days.v1", topic="entitlements.calendars", key="site_id"):
    """Where a customer's site lies, when it is open, and its own closed days, which nobody else keeps."""

    account_id: UUID
    city: str
    region: str | None = None
    country: CountryCode
    time_zone: TimeZone
    opening_hours: list[OpeningHours]
    closed: list[NamedDay] = []


def registration_key(product_number: str, serial: str) -> UUID:
    """The key of a registration's record, whatever spelling of the label it is made of: serials alone are not unique."""
    unit = f"{labels.product_number(product_number)}:{labels.serial(serial)}"
    return uuid5(NAMESPACE_URL, f"polyplus:registration:{unit}")
