"""What was done to what the gateway keeps."""

from datetime import datetime

from pydantic import BaseModel


class Change(BaseModel):
    """What was done, when, by whom and why."""

    at: datetime
    by: str
    what: str
    why: str | None = None
