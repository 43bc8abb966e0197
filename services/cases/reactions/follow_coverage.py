"""What entitlements decides about a case, kept in its highest revision."""

from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.case_values import Coverage
from services.cases.model.correction import decided_anew
from services.cases.model.silence import open_questions
from services.cases.reactions.act_on_case import look_again
from services.cases.reactions.ask_where_to_send import ask_where_to_send
from services.cases.reactions.heard import heard
from services.cases.reactions.publish_note import note_fact
from services.cases.reactions.route_case import route


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """Site and family are known from here on: a case that nobody has taken goes to the queue for its family."""
    found = await heard(event, tx)
    if found is None or event.revision <= found[0].coverage.revision:
        return
    case, cause = found
    knows_what_is_right = event.corrections >= decided_anew(case)
    if knows_what_is_right and (text := case.leave_out(event.unknown)):
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
        unknown=event.unknown if knows_what_is_right else [],
        contact_id=event.contact.contact_id if event.contact else None,
        region=event.site.region if event.site else None,
        time_zone=event.site.time_zone if event.site else None,
    )
    if not knows_what_is_right:
        # It was decided for what was named before; the decision on what is right comes.
        return
    case.site_id = event.site.site_id if event.site else None
    if event.site:
        case.country = event.site.country
        if open_questions(case):
            # The business days are those of another country, maybe.
            await look_again(case, tx)
    if event.product and event.product.family != case.family:
        case.family = event.product.family
        if case.state == "acknowledged":
            await route(case, tx, SYSTEM.by, why="the product is known")
    await ask_where_to_send(case, tx, at=event.decided_at, by=cause.actor)
