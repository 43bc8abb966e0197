"""A text that was taken out of a case is not kept here either, whichever of the two is heard first."""

from collections.abc import Sequence

import asyncpg
import pydantic_core

from libs.bus import Delivery
from libs.bus.redaction import redaction_of, take_out_of_copies
from libs.events.redaction import Redaction
from libs.store import Transaction

_KEEP = """
INSERT INTO redactions (case_id, what, id, source_id, replacement) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (case_id, what, id) DO UPDATE SET source_id = excluded.source_id, replacement = excluded.replacement
"""
_KEPT = """
SELECT seq, event_id, causation_id, type, data FROM activity_events WHERE case_id = $1
UNION ALL SELECT seq, event_id, causation_id, type, data FROM activity_events WHERE event_id = $2
"""
_REPLACE = "UPDATE activity_events SET data = $2 WHERE seq = $1"


async def obey(deliveries: Sequence[Delivery], before: Sequence[asyncpg.Record], tx: Transaction) -> None:
    """For events that were just appended: what was taken out of their cases before, and what they take out themselves."""
    wanted = {(r["case_id"], r["what"], r["id"]): Redaction.model_validate(dict(r)) for r in before}
    for delivery in deliveries:
        if found := redaction_of(delivery):
            case_id, redaction = found
            wanted[case_id, redaction.what, redaction.id] = redaction
            about = (redaction.what, redaction.id, redaction.source_id, redaction.replacement)
            await tx.connection.execute(_KEEP, case_id, *about)
            await take_out_of_copies(case_id, redaction, tx)
    for (case_id, _, _), redaction in wanted.items():
        await _take_out(case_id, redaction, tx)


async def _take_out(case_id: object, redaction: Redaction, tx: Transaction) -> None:
    for row in await tx.connection.fetch(_KEPT, case_id, redaction.source_id):
        data = pydantic_core.from_json(row["data"])
        if left := redaction.out_of(row["type"], row["event_id"], data, row["causation_id"]):
            await tx.connection.execute(_REPLACE, row["seq"], pydantic_core.to_json(left).decode())
