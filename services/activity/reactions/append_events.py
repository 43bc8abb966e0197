"""Every event of every service, appended to the one stream."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pydantic_core

from libs.bus import Delivery
from libs.store import Transaction
from services.activity.model.types import UNREADABLE, of_an_older_version, visibility_of
from services.activity.reactions.take_out import obey

CHANNEL = "activity_appended"
_LOCK_KEY = 0x61637469

# One appender at a time, so that the order of positions is the order of commits: whoever has read up to a position has missed
# nothing. The NOTIFY goes out with the commit; that notifying transactions commit one by one costs nothing here.
_LOCK = f"SELECT pg_advisory_xact_lock({_LOCK_KEY}), pg_notify('{CHANNEL}', '')"
_APPEND = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::uuid[], $8::text[],
                         $9::timestamptz[], $10::text[], $11::uuid[], $12::text[], $13::text[])
      WITH ORDINALITY AS u(event_id, topic, type, subject, version, case_id, account_id, visibility,
                           time, actor, causation_id, traceparent, data, n)
), learned AS (
    INSERT INTO case_accounts (case_id, account_id)
    SELECT DISTINCT ON (case_id) case_id, account_id FROM given
     WHERE case_id IS NOT NULL AND account_id IS NOT NULL ORDER BY case_id, n
    ON CONFLICT DO NOTHING RETURNING case_id, account_id
), late AS MATERIALIZED (
    SELECT e.seq, l.account_id, row_number() OVER (ORDER BY e.seq) AS n
      FROM learned l JOIN activity_events e ON e.case_id = l.case_id AND e.account_id IS NULL
), counted AS (
    SELECT (SELECT count(*) FROM given) AS new, (SELECT count(*) FROM late) AS late
), counter AS (
    INSERT INTO stream_position AS p (last) SELECT new + late FROM counted
    ON CONFLICT (only_row) DO UPDATE SET last = p.last + excluded.last RETURNING last
), resolved AS (
    UPDATE activity_events e SET account_id = late.account_id, account_seq = counter.last - counted.late + late.n
      FROM late, counter, counted WHERE e.seq = late.seq
), given_positions AS (
    SELECT g.*, counter.last - counted.late - counted.new + g.n AS seq,
           coalesce(g.account_id, l.account_id, k.account_id) AS known_account_id
      FROM counter, counted, given g
      LEFT JOIN learned l ON l.case_id = g.case_id LEFT JOIN case_accounts k ON k.case_id = g.case_id
), appended AS (
INSERT INTO activity_events (seq, event_id, topic, type, subject, version, case_id, account_id, account_seq, visibility,
                             time, actor, causation_id, traceparent, data)
SELECT seq, event_id, topic, type, subject, version, case_id, known_account_id,
       CASE WHEN known_account_id IS NOT NULL THEN seq END, visibility, time, actor, causation_id, traceparent, data::jsonb
  FROM given_positions ORDER BY n
ON CONFLICT (event_id) DO NOTHING
)
SELECT * FROM redactions WHERE case_id = ANY($6) OR source_id = ANY($1)
"""
"""Gives the texts that were taken out of these cases before."""


async def append_events(deliveries: Sequence[Delivery], tx: Transaction) -> None:
    """Keeps them all, whatever they are: a type without a contract for the staff alone, an older version as the newest."""
    rows = [_row(delivery) for delivery in deliveries]
    await tx.connection.execute(_LOCK)
    redactions = await tx.connection.fetch(_APPEND, *zip(*rows, strict=True))
    await obey(deliveries, redactions, tx)


def _row(d: Delivery) -> tuple[Any, ...]:
    """What `_APPEND` takes of one event, in its order."""
    type, case_id, data = _content(d.type, d.data)
    about = (d.event_id, d.topic, type, d.subject, d.version, case_id, d.account_id, visibility_of(type))
    return (*about, d.time, d.actor, d.causation_id, d.traceparent, data)


def _content(type: str, data: bytes | None) -> tuple[str, UUID | None, str]:
    """The type as it is kept, the case that the data names, and the data as a JSON text that the database takes."""
    if data is None:
        return type, None, "null"
    try:
        content, text = pydantic_core.from_json(data, allow_inf_nan=False), data.decode()
    except ValueError:
        return type, None, _unreadable(data)
    if "\\u0000" in text:
        return type, _case_id(content), _unreadable(data)
    if found := of_an_older_version(type, content):
        type, newer = found
        text = pydantic_core.to_json(newer).decode()
    return type, _case_id(content), text


def _case_id(content: object) -> UUID | None:
    named = content.get("case_id") if isinstance(content, dict) else None
    try:
        return UUID(named) if isinstance(named, str) else None
    except ValueError:
        return None


def _unreadable(data: bytes) -> str:
    """What JSONB does not hold is kept as CloudEvents carries bytes."""
    return pydantic_core.to_json({UNREADABLE: b64encode(data).decode()}).decode()
