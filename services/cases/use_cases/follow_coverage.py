"""What entitlements decides about a case, kept in its highest revision."""

from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.case import Case
from services.cases.model.parts import Coverage
from services.cases.model.wording import say
from services.cases.use_cases.add_note import note_fact
from services.cases.use_cases.route_case import route


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """The product's family is known from here on: a case that nobody has taken goes to the queue for it."""
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None or event.revision <= case.coverage.revision:
        return
    _leave_out(case, event, tx)
    case.coverage = Coverage(
        status="covered" if event.covered else "not_covered", reason=event.reason, revision=event.revision, plan=event.plan,
        onsite=event.onsite, overridden=event.overridden, decided_at=event.decided_at, override=case.coverage.override,
        unknown=event.unknown,
    )  # fmt: skip
    if event.site:
        case.country, case.site_id = event.site.country, case.site_id or event.site.site_id
    if event.product and event.product.family != case.family:
        case.family = event.product.family
        if case.state == "acknowledged":
            await route(case, tx, SYSTEM.by, why="the product is known")


def _leave_out(case: Case, event: CoverageDecided, tx: Transaction) -> None:
    """Takes away, once, what the request named and the account has not, and says so in the case."""
    unknown = [what for what in event.unknown if what not in case.coverage.unknown]
    if "site" in unknown:
        case.site_id = None
    if "contact" in unknown:
        case.contact_id = None
    if unknown:
        text = " ".join(say(f"{what}_left_out", case.language) for what in unknown)
        note_fact(case, tx, text, at=event.decided_at)
