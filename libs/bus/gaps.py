"""Versions of an aggregate that never came, as only one who hears every event can tell.

All events of an aggregate have one key and so one partition: whatever comes before or after the other topics', they come in their
order. Copies are known to the inbox and not looked at. What waits behind a dead letter is looked at when it is handled, and a dead
letter that is given up counts as consumed. So a version that is left out is one that the log lacks, or that stands where the
consumer has never read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from libs.bus.envelope import Delivery
from libs.bus.metrics import version_gaps
from libs.events import UNKNOWN_KIND
from libs.store import Transaction

log = structlog.get_logger()
Gap = tuple[Delivery, int]
"""An event, and the version before it that was consumed; 0 for none."""

_UNCERTAIN = """
SELECT DISTINCT subject FROM consumed_versions
 WHERE (consumer, topic) = ($1, $2) AND subject = ANY ($3) AND (kind = '' OR starts_with(kind, $4))
"""


@dataclass(frozen=True)
class Applied:
    """How many events were handled, and between which something is missing."""

    events: int = 0
    gaps: Sequence[Gap] = ()

    def tell(self) -> None:
        """To be called once it is committed."""
        for event, before in self.gaps:
            version_gaps.inc()
            log.error(
                "versions of an aggregate are missing",
                topic=event.topic,
                partition=event.partition,
                offset=event.offset,
                kind=event.kind,
                subject=str(event.subject),
                missing_from=before + 1,
                missing_to=event.version - 1,
            )


async def certain(tx: Transaction, consumer: str, gaps: Sequence[Gap]) -> Sequence[Gap]:
    """Those of which all that was consumed is known: a type that this code does not know may have told the rest."""
    known = [gap for gap in gaps if not gap[0].kind.startswith(UNKNOWN_KIND)]
    if not known:
        return ()
    topic, subjects = known[0][0].topic, [event.subject for event, _ in known]
    rows = await tx.connection.fetch(_UNCERTAIN, consumer, topic, subjects, UNKNOWN_KIND)
    uncertain = {row["subject"] for row in rows}
    return [gap for gap in known if gap[0].subject not in uncertain]
