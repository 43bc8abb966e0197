"""The values that events of several services share. Enumerations are literals: what a row or a body holds is what an event holds."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.events.labels import ProductNumber, Serial

Instant = AwareDatetime
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["08:30"])]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["VN"])]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD"])]
TimeZone = Annotated[str, Field(min_length=1, examples=["Asia/Ho_Chi_Minh"])]
Seconds = Annotated[int, Field(ge=0)]
Weekday = Annotated[int, Field(ge=0, le=6, description="0 is Monday")]

Severity = Literal["critical", "major", "moderate", "minor"]
Priority = Literal["P1", "P2", "P3", "P4"]
Impact = Literal["down", "degraded", "intermittent"]
Domain = Literal["hardware", "software", "network", "partner_environment", "configuration"]
Remedy = Literal["replace_part", "onsite_replacement", "software_update", "workaround", "partner_ticket", "guidance"]
Confidence = Literal["low", "medium", "high"]
Wait = Literal["customer", "partner", "part", "visit"]
NoteOrigin = Literal["customer", "support", "partner", "technician", "system"]
NoteVisibility = Literal["public", "internal"]
RedactedText = Literal[
    "note", "description", "finding", "resolution", "file", "wait", "satisfaction", "time_entry", "fact"
]
Language = Literal["vi", "en"]
Channel = Literal["portal", "api", "email", "device", "partner", "phone"]
Role = Literal[
    "customer",
    "reseller",
    "partner",
    "engineer",
    "manager",
    "depot",
    "technician",
    "ops",
    "integrator",
    "admin",
    "system",
]


class Value(BaseModel):
    """A part of an event; like the event it never changes, and fields it does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Value):
    amount_minor: int
    currency: CurrencyCode


class Window(Value):
    """From an instant until an instant, the end not included."""

    starts: Instant
    ends: Instant


class OpeningHours(Value):
    """One weekly window at the site, in the site's time zone; a day can have several."""

    weekdays: list[Weekday]
    opens: TimeOfDay
    closes: TimeOfDay


class NamedDay(Value):
    """A date that differs from its week, and why."""

    date: date
    name: str


class WeeklyHours(Value):
    """Open hours that return every week; "24:00" closes at midnight."""

    weekdays: list[Weekday]
    opens: str
    closes: str


class Account(Value):
    id: UUID
    name: str


class Site(Value):
    """Where the product stands, the part is shipped to and the technician goes."""

    site_id: UUID
    revision: int = 0  # of its record on entitlements.people, which says how it is found
    city: str
    region: str | None = None
    country: CountryCode
    time_zone: TimeZone
    opening_hours: list[OpeningHours]


class Contact(Value):
    """The customer's named contact; only an authorised one may accept and sign off."""

    contact_id: UUID
    revision: int = 0  # of their record on entitlements.people, which says who it is
    language: Language = "en"
    authorised: bool = False


class Product(Value):
    """The unit that the case is about."""

    product_number: ProductNumber
    serial: Serial | None = None
    family: str
    model: str
    hardware_revision: str | None = None
    whole_unit: bool = True  # False: the covered product is itself a component
    registration_id: UUID | None = None


class PromiseReason(Value):
    """One step from the diagnosis to the promised date: what it is, and the days it costs."""

    code: str  # depot_cut_off, depot_holiday, transit, destination_holiday, weekend, backorder …
    text: str
    days: int = 0


class Reseller(Value):
    reseller_id: UUID
    name: str
    country: CountryCode
    email: str | None = None
    phone: str | None = None
    url: str | None = None


class Recipient(Value):
    """Someone to be told, resolved at the instant of the fact, so that nobody has to ask who was on call.

    `id` is the person's, of a webhook the team's or rota's; None for service management's address in the policy.
    """

    kind: Literal["duty_manager", "service_management", "on_call", "team", "assignee", "holder", "admin", "webhook"]
    id: UUID | None = None


class PartnerContact(Value):
    name: str
    email: str | None = None
    phone: str | None = None
    url: str | None = None


class InstalledPart(Value):
    """One part put in during a visit; serials are absent where the part carries none."""

    rma_id: UUID | None = None
    part_number: str | None = None
    serial_in: Serial | None = None
    serial_out: Serial | None = None
    unreadable: bool = False  # the serial of the old one, although it has one
