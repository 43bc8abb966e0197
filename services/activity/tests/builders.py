"""Records as other services publish them, bare: activity keeps what it does not understand."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.bus import Delivery
from libs.events.cases import CaseOpened, CaseRouted
from libs.events.cases_work import InternalNoteAdded, NoteAdded
from libs.events.escalation import ClockStarted
from libs.events.rma import PartShipped
from libs.store.ids import new_id
from tests.support.harness import Harness

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CASE_OPENED, CASE_ROUTED = CaseOpened.contract.ce_type, CaseRouted.contract.ce_type
NOTE_ADDED, INTERNAL_NOTE = NoteAdded.contract.ce_type, InternalNoteAdded.contract.ce_type
CASE_OPENED_ONCE = "polyplus.cases.case-opened.v1"
"""An older version, which named a person."""
CLOCK_STARTED, PART_SHIPPED = ClockStarted.contract.ce_type, PartShipped.contract.ce_type
ACCOUNT, OTHER_ACCOUNT = uuid4(), uuid4()


def an_event(
    ce_type: str = CASE_OPENED,
    *,
    case_id: UUID | None = None,
    account_id: UUID | None = ACCOUNT,
    minutes: int = 0,
    **data: Any,
) -> Delivery:
    """About a case of its own unless told, `minutes` after noon."""
    case_id, subject = case_id or uuid4(), uuid4()
    return Delivery(
        topic=f"{ce_type.split('.')[1]}.events",
        partition=0,
        offset=0,
        key=case_id,
        event_id=new_id(),
        type=ce_type,
        subject=subject,
        version=1,
        time=NOON + timedelta(minutes=minutes),
        actor="system:test",
        account_id=account_id,
        causation_id=None,
        traceparent=None,
        data=json.dumps({"case_id": str(case_id), **data}).encode(),
    )


def saying(delivery: Delivery, data: bytes | None) -> Delivery:
    """The same record with other bytes in it."""
    return replace(delivery, data=data)


async def kept_by_code_of_before(activity: Harness, **data: Any) -> None:
    """Makes the cases that were opened so far rows as code of before keeps them: in the older version, and with what it said."""
    async with activity.transaction() as tx:
        await tx.connection.execute(
            "UPDATE activity_events SET type = $1, data = data || $2::jsonb WHERE type = $3",
            CASE_OPENED_ONCE,
            json.dumps(data),
            CASE_OPENED,
        )
