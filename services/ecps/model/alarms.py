"""What an operator has to look at: written to the log, and counted for the alert PartnerTicketDoubtful."""

from typing import Literal

import structlog

from libs.kit.telemetry import counter

log = structlog.get_logger()
Doubt = Literal["search_unusable", "not_ours", "number_taken", "another_ticket"]
_WHAT: dict[Doubt, str] = {
    "search_unusable": "a partner's search cannot tell whether there is a ticket of ours",
    "not_ours": "a ticket at the partner does not carry our reference",
    "number_taken": "a partner's ticket stands for another engagement already",
    "another_ticket": "a partner tells of a ticket that is not the engagement's",
}
_doubts = counter("partner_doubts", "Tickets and notices of partners that are not known to be ours.", ["what"])
# Each is counted from 0 on, so that the first one is an increase.
for _each in _WHAT:
    _doubts.labels(_each)


_refused = counter("partner_credentials_refused", "How often a partner was found not to let us in.")


def refused_credentials(**facts: object) -> None:
    """Raises the alarm PartnerCredentialsRefused, as long as calls wait for them."""
    _refused.inc()
    log.error("a partner refuses our credentials", **facts)


def doubt(what: Doubt, **facts: object) -> None:
    """Raises the alarm; `facts` are ids and numbers, never what people wrote."""
    _doubts.labels(what).inc()
    log.error(_WHAT[what], **facts)
