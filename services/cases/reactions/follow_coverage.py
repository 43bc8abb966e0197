"""What entitlements decides about a case, kept in its highest revision."""

from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.case_values import Coverage
from services.cases.reactions.heard import heard
from services.cases.reactions.publish_note import note_fact
from services.cases.reactions.route_case import route


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """The product's family is known from here on: a case that nobody has taken goes to the queue for it."""
    found = await heard(event, tx)
    if found is None or event.revision <= found[0].coverage.revision:
        return
    case, _ = found
    if text := case.leave_out(event.unknown):
        note_fact(case, tx, text, at=event.decided_at)
    case.coverage = Coverage(
        status="covered" if event.covered else "not_covered",
        reason=event.reason,
        revision=event.revision,
        plan=event.plan,
        onsite=event.onsite,
        overridden=event.overridden,
        decided_at=event.decided_at,
        override=case.coverage.override,
        unknown=event.unknown,
        contact_id=event.contact.contact_id if event.contact else None,
    )
    if event.site:
        case.country, case.site_id = event.site.country, case.site_id or event.site.site_id
    if event.product and event.product.family != case.family:
        case.family = event.product.family
        if case.state == "acknowledged":
            await route(case, tx, SYSTEM.by, why="the product is known")
