"""Who brought an aggregate to which state, when and why."""

from datetime import datetime

from pydantic import BaseModel


class Change(BaseModel):
    """One entry of an aggregate's history."""

    state: str
    at: datetime
    by: str
    reason: str | None = None
