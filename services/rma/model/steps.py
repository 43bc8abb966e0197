"""What can happen to an RMA by itself, one step at a time. `next_step.py` says which, `reactions/act_on.py` carries it out."""

from dataclasses import dataclass
from datetime import datetime

from libs.events.entitlements import CoverageDecided
from services.rma.model.case_file import Visit


@dataclass(frozen=True)
class Authorize:
    """Grant it."""

    reason: str
    overridden: bool = False


@dataclass(frozen=True)
class Deny:
    """Refuse it, and say why."""

    reason: str
    explanation: str


@dataclass(frozen=True)
class Cancel:
    """Stop it before anything has left the depot."""

    reason: str


@dataclass(frozen=True)
class Reserve:
    """Keep a part for it, or put it in the line of those who wait."""


@dataclass(frozen=True)
class Readdress:
    """Send it elsewhere, or to another contact, than was said before."""

    coverage: CoverageDecided


@dataclass(frozen=True)
class DecideAnew:
    """The case was corrected after it was granted."""

    coverage: CoverageDecided


@dataclass(frozen=True)
class Replace:
    """Send another one, under an RMA of its own."""

    reason: str


@dataclass(frozen=True)
class Deliver:
    """The part is at the destination."""

    at: datetime
    received_by: str | None = None


@dataclass(frozen=True)
class Install:
    """The technician put it in."""

    visit: Visit


@dataclass(frozen=True)
class FindDead:
    """The part does not work as it arrived. `again`: another one will be sent."""

    symptom: str
    at: datetime
    again: bool


@dataclass(frozen=True)
class Lose:
    """The part will not arrive. `again`: another one will be sent."""

    reason: str
    at: datetime
    again: bool


@dataclass(frozen=True)
class Refuse:
    """The destination did not take the parcel, or the carrier could not hand it over."""

    at: datetime
    reason: str = "refused at the destination"


@dataclass(frozen=True)
class TurnUp:
    """The lost parcel arrived after all."""

    at: datetime


@dataclass(frozen=True)
class WantReplacementBack:
    """The part has left and is not needed any more."""

    reason: str


@dataclass(frozen=True)
class OpenReturnWindow:
    """It is known from when the return window counts."""

    start: datetime


@dataclass(frozen=True)
class HandOverReturn:
    """The carrier has what comes back."""

    at: datetime


@dataclass(frozen=True)
class LoseReturn:
    """The carrier lost what was to come back."""

    at: datetime


@dataclass(frozen=True)
class Close:
    """Both legs are over."""

    outcome: str


Step = (
    Authorize
    | Deny
    | Cancel
    | Reserve
    | Readdress
    | DecideAnew
    | Replace
    | Deliver
    | Install
    | FindDead
    | Lose
    | Refuse
    | TurnUp
    | WantReplacementBack
    | OpenReturnWindow
    | HandOverReturn
    | LoseReturn
    | Close
)
