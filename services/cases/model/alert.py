"""Which case a device's alert belongs to; its id is the alert's."""

from datetime import datetime
from uuid import UUID

from libs.store import Entity


class DeviceAlert(Entity, table="device_alerts", indexes=("case_id",)):
    """An alert that opened this case, or joined it."""

    account_id: UUID
    case_id: UUID
    rule: str
    raised_at: datetime
    cleared_at: datetime | None = None
