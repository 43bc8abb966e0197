"""What becomes of a call of a partner's system, when it is no answer."""

from libs.bus.jobs import TryLater

NOTHING_SENT = "no effect there"


class OutcomeUnknown(Exception):
    """The answer was lost: whether it took effect has to be looked up."""


class Refused(Exception):
    """The partner's system understood, and refused for good."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class Unreachable(TryLater):
    """It took no effect; another time it may."""

    def __str__(self) -> str:
        return f"{NOTHING_SENT}: {super().__str__()}"


class SearchUnusable(Exception):
    """Their search does not show whether there is a ticket of ours."""


class NotOurs(Exception):
    """The ticket does not carry our reference."""


class CredentialsRefused(Exception):
    """They do not let us in: it took no effect, and our own operator has to mend it."""
