"""The tables of each service, and the names of the runtime's own."""

import sqlalchemy as sa

RUNTIME_TABLES = frozenset(
    {
        "outbox",
        "relay_position",
        "inbox",
        "inbox_marks",
        "consumed_versions",
        "consumer_offsets",
        "parked_keys",
        "dead_letters",
        "timers",
        "jobs",
        "call_lanes",
        "lane_calls",
        "idempotency_keys",
        "states",
        "app_clock",
        "policies",
        "reference_revision",
        "consumer_states",
    }
)
"""Made and changed by libs.store.schema, never by a service's own migrations."""

_metadata: dict[str, sa.MetaData] = {}


def metadata(service: str) -> sa.MetaData:
    """The tables that this service owns, once its model has been imported."""
    return _metadata.setdefault(service, sa.MetaData())


def owner_of(module: str) -> str:
    """`services.rma.model.rma` → `rma`; a module elsewhere (tests, libs) owns its tables under its own name."""
    parts = module.split(".")
    return parts[1] if parts[0] == "services" and len(parts) > 1 else module
