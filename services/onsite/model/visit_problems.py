"""What refuses a command on a visit."""

from libs.kit.problems import Conflict, Forbidden, Unprocessable


class PartNotDelivered(Conflict):
    """Nobody departs before the part is at the site."""


class AlreadyDeparted(Conflict):
    """The technician is on the way."""


class TooEarly(Conflict):
    """Nobody departs so long before the window; `departs_from` says when."""


class TimeWasChosen(Conflict):
    """The customer chose this time, or support for them: a technician does not bring it forward."""


class NotDeparted(Conflict):
    """Nobody is on the way yet."""


class NotYet(Conflict):
    """Something comes first; `missing` says what."""


class NotYourVisit(Forbidden):
    """Another technician has this visit."""


class SerialMismatch(Unprocessable):
    """The scanned part is not the one that was sent."""


class OldSerialMissing(Unprocessable):
    """The part that came out has a serial, since the one that went in has: it is scanned, or it is said why it cannot be read."""


class ContactNotAuthorised(Unprocessable):
    """Only the customer's authorised contact signs off."""
