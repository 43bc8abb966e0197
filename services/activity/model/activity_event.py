"""What is kept of every event, in one stream.

`seq` is an event's position in the stream. An event that came before anybody knew whose case it is about has an `account_id` only
later; the people of that account see it at `account_seq`, the position in the stream at which the account became known, so that one
who has read up to a position has missed nothing that it holds. For every other event the two are the same.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from libs.store.metadata import metadata

_tables = metadata("activity")
_instant = TIMESTAMP(timezone=True)

activity_events = sa.Table(
    "activity_events",
    _tables,
    sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.Uuid(), nullable=False),
    sa.Column("topic", sa.Text(), nullable=False),
    sa.Column("type", sa.Text(), nullable=False),
    sa.Column("subject", sa.Uuid(), nullable=False),
    sa.Column("version", sa.BigInteger(), nullable=False),
    sa.Column("case_id", sa.Uuid()),
    sa.Column("account_id", sa.Uuid()),
    sa.Column("account_seq", sa.BigInteger()),
    sa.Column("visibility", sa.Text(), nullable=False),
    sa.Column("time", _instant, nullable=False),
    sa.Column("actor", sa.Text(), nullable=False),
    sa.Column("causation_id", sa.Uuid()),
    sa.Column("traceparent", sa.Text()),
    sa.Column("data", JSONB(), nullable=False),
    sa.UniqueConstraint("event_id", name="activity_events_event_id_key"),
    sa.Index("activity_events_case_id_time_seq_idx", "case_id", "time", "seq"),
    sa.Index("activity_events_account_id_account_seq_idx", "account_id", "account_seq"),
    sa.Index("activity_events_type_seq_idx", "type", "seq"),
    sa.Index("activity_events_account_id_type_account_seq_idx", "account_id", "type", "account_seq"),
    sa.Index("activity_events_late_idx", "account_seq", postgresql_where=sa.text("account_seq <> seq")),
)

case_accounts = sa.Table(
    "case_accounts",
    _tables,
    sa.Column("case_id", sa.Uuid(), primary_key=True),
    sa.Column("account_id", sa.Uuid(), nullable=False),
)

redactions = sa.Table(
    "redactions",
    _tables,
    sa.Column("case_id", sa.Uuid(), primary_key=True),
    sa.Column("what", sa.Text(), primary_key=True),
    sa.Column("id", sa.Uuid(), primary_key=True),
    sa.Column("source_id", sa.Uuid()),
    sa.Column("replacement", sa.Text()),
    sa.Index("redactions_source_id_idx", "source_id", postgresql_where=sa.text("source_id IS NOT NULL")),
)
"""Which texts were taken out, so that one that comes later is not kept either."""

stream_position = sa.Table(
    "stream_position",
    _tables,
    sa.Column("only_row", sa.Boolean(), sa.CheckConstraint("only_row"), primary_key=True, server_default=sa.true()),
    sa.Column("last", sa.BigInteger(), nullable=False),
)
"""The highest position given; one row."""
