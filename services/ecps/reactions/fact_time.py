"""When something happened that the service reacts to."""

from datetime import datetime

from libs.store import Transaction


def fact_time(tx: Transaction) -> datetime:
    """The instant of the fact that is being handled; now for a command and for a timer."""
    return tx.cause.time if tx.cause else tx.now
