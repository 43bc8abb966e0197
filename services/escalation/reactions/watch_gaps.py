"""A rota's gaps: looked for whenever the rota changes, and told once each, some days ahead."""

from datetime import timedelta

from libs.events.escalation import RotaGapAhead
from libs.store import Transaction
from services.escalation.model.recipients import service_management
from services.escalation.model.roster import Roster
from services.escalation.model.rota import GAP, Rota
from services.escalation.model.settings import policies
from services.escalation.queries.absences import absences_of
from services.escalation.queries.phone_book import phone_book
from services.escalation.queries.rosters import EVER, roster

_LOOK = timedelta(days=30)
"""So far beyond the days of the policy it is looked at once; then again."""


async def watch_gaps(rota: Rota, tx: Transaction) -> None:
    """Needs the rota locked or new, and everything that was done to it or to its overrides. What was told and is filled may be told again."""
    tx.cancel_timer(rota, GAP)
    ahead = timedelta(days=(await policies.at(tx)).gap_days)
    await tx.flush()
    known = await roster(rota, tx, tx.now, tx.now + ahead + _LOOK)
    if rota.is_never_alone(tx.now) and not await _away_later(known, tx):
        rota.told_gaps = []
        return
    gaps = known.gaps(tx.now, tx.now + ahead + _LOOK)
    coming = [gap.starts for gap in gaps if gap.starts > tx.now]
    rota.told_gaps = [each for each in rota.told_gaps if each in coming]
    untold = next((each for each in coming if each not in rota.told_gaps), None)
    tx.set_timer(rota, GAP, max(tx.now, untold - ahead) if untold else tx.now + _LOOK)


async def _away_later(known: Roster, tx: Transaction) -> bool:
    """Whether somebody of the rota will be away at some time, be it after the days that are looked at."""
    return bool(await absences_of(known.people, tx, tx.now, EVER))


async def tell_gaps(rota: Rota, tx: Transaction, _detail: str) -> None:
    """The timer: what is near enough by now is told, to service management."""
    settings = await policies.at(tx)
    until = tx.now + timedelta(days=settings.gap_days)
    gaps = (await roster(rota, tx, tx.now, until + _LOOK)).gaps(tx.now, until + _LOOK)
    recipients = [each.as_recipient() for each in service_management(settings, await phone_book(tx))]
    for gap in gaps:
        if tx.now < gap.starts <= until and gap.starts not in rota.told_gaps:
            rota.told_gaps = [*rota.told_gaps, gap.starts]
            tx.emit(
                RotaGapAhead(
                    rota_id=rota.id,
                    rota=rota.name,
                    starts=gap.starts,
                    ends=gap.ends,
                    recipients=recipients,
                    told_at=tx.now,
                )
            )
    await watch_gaps(rota, tx)
