"""Whether a ticket may be opened with a partner (S5, S7, S9): rules alone, nothing is read or written here."""

from libs.events.ecps import NotOpenable
from services.ecps.model.agreement import Agreement
from services.ecps.model.case_file import Wish
from services.ecps.model.partner import Partner

_SAID_BY_THE_PARTNER: frozenset[NotOpenable] = frozenset({"partner_rejected", "unreachable"})


def obstacle(partner: Partner | None, wish: Wish | None, agreement: Agreement | None) -> NotOpenable | None:
    """What stands in the way of a ticket, the first of several; None when nothing does.

    `partner` is None for one that nobody has added; `agreement` is the one that is valid now, if there is any.
    """
    if partner is None or not partner.approved_strategic:
        return "not_approved"
    if not partner.permits_direct_work:
        return "not_permitted"
    if wish is None or not wish.consents:
        return "no_consent"
    if partner.requires_agreement and agreement is None:
        return "no_agreement"
    return None


def still_refused(refused: NotOpenable | None, found: NotOpenable | None, *, again: bool) -> bool:
    """Whether a refusal stays as it is: the same obstacle is found, or none and it was the partner who refused.

    What the partner refused is tried once more when `again` says that something new has arrived.
    """
    return found == refused or (found is None and refused in _SAID_BY_THE_PARTNER and not again)
