"""The columns of the runtime's tables that are written by name, with the types that their values travel as."""

Columns = tuple[tuple[str, str], ...]
"""A column's name and PostgreSQL's name of its type, in the order in which the values are given."""

OUTBOX: Columns = (
    ("topic", "text"),
    ("key", "uuid"),
    ("event_id", "uuid"),
    ("type", "text"),
    ("subject", "uuid"),
    ("account_id", "uuid"),
    ("version", "bigint"),
    ("causation_id", "uuid"),
    ("actor", "text"),
    ("traceparent", "text"),
    ("time", "timestamptz"),
    ("headers", "jsonb"),
    ("data", "bytea"),
)
"""What a transaction writes; `id` and `xid` are the database's."""

STATES: Columns = (
    ("topic", "text"),
    ("key", "uuid"),
    ("type", "text"),
    ("account_id", "uuid"),
    ("version", "bigint"),
    ("data", "bytea"),
)

TIMERS: Columns = (
    ("aggregate", "text"),
    ("aggregate_id", "uuid"),
    ("kind", "text"),
    ("due_at", "timestamptz"),
)

JOBS: Columns = (
    ("id", "uuid"),
    ("aggregate", "text"),
    ("aggregate_id", "uuid"),
    ("kind", "text"),
    ("destination", "text"),
    ("reference", "text"),
    ("payload", "jsonb"),
    ("traceparent", "text"),
)

LANES: Columns = (("name", "text"), ("most", "integer"), ("ordered", "boolean"))

LANE_CALLS: Columns = (
    ("id", "uuid"),
    ("lane", "text"),
    ("kind", "text"),
    ("payload", "jsonb"),
    ("traceparent", "text"),
)

DEAD_LETTERS: Columns = (
    ("consumer", "text"),
    ("topic", "text"),
    ("partition", "integer"),
    ("record_offset", "bigint"),
    ("key", "uuid"),
    ("event_id", "uuid"),
    ("type", "text"),
    ("headers", "jsonb"),
    ("data", "bytea"),
    ("error", "text"),
    ("status", "text"),
    ("out_of_order", "boolean"),
)

IDEMPOTENCY_KEYS: Columns = (
    ("principal", "text"),
    ("route", "text"),
    ("key", "text"),
    ("request_hash", "bytea"),
    ("status", "integer"),
    ("headers", "jsonb"),
    ("body", "bytea"),
)


def names(columns: Columns) -> tuple[str, ...]:
    return tuple(name for name, _ in columns)
