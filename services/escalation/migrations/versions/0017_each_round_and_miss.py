"""Each round of the update clock and of `no_progress` is breached by itself, and a clock keeps when it was missed.

What was breached in an epoch before stands for every round of it that is over. A round that began after it and still runs can be
breached: a timer looks what is due.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import rows, see_all_rows, set_timer

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_UPDATES = frozenset({"responded", "workaround"})
_STEPS = frozenset({"assigned", "worked", "diagnosed", "diagnosis_withdrawn", "wait_began", "wait_ended"}) | _UPDATES
_SPEAKERS = frozenset({"support", "partner", "technician"})
_MISSED = """
UPDATE clocks SET missed_at = due_at WHERE state = 'met' AND NOT in_time;
UPDATE clocks SET missed_at = (thresholds ->> '100')::timestamptz, in_time = false
 WHERE state = 'stopped' AND (thresholds ->> '100')::timestamptz < ended_at;
"""


def upgrade() -> None:
    op.add_column("breaches", sa.Column("round", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("clocks", sa.Column("missed_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    see_all_rows(op)
    op.execute(_MISSED)
    due_at = sa.text("SELECT due_at FROM breaches WHERE case_id = :case AND epoch = :epoch AND key = :key")
    keep = sa.text("UPDATE case_files SET breached = CAST(:breached AS jsonb) WHERE id = :id")
    read = {"state": sa.Text(), "epoch": sa.BigInteger(), "facts": postgresql.JSONB(), "breached": postgresql.JSONB()}
    for case in rows(op, "case_files", read):
        marks: set[str] = set()
        for mark in case.breached:
            epoch, key = mark.split(":", 1)
            if key.partition(":")[0] not in ("update", "no_progress"):
                marks.add(mark)
                continue
            due = op.get_bind().execute(due_at, {"case": case.id, "epoch": int(epoch), "key": key}).scalar()
            *over, now = _rounds(case.facts, int(epoch), _UPDATES if key.startswith("update") else _STEPS)
            runs = case.state in ("open", "assessing") and int(epoch) == case.epoch
            told = over if runs and due is not None and now > due else [*over, now]
            marks |= {f"{mark}:{since.isoformat()}" for since in told}
        if marks != {*case.breached}:
            op.get_bind().execute(keep, {"id": case.id, "breached": json.dumps(sorted(marks))})
            set_timer(op, "CaseFile", case.id, "recompute")


def _rounds(facts: list[dict[str, Any]], epoch: int, begin_anew: Iterable[str]) -> list[datetime]:
    """When each round of an epoch began."""
    at = {kind: sorted(_at(each) for each in facts if each["kind"] == kind) for kind in ("opened", "reopened")}
    epochs = [*at["opened"][:1], *at["reopened"]]
    starts, ends = epochs[epoch - 1], epochs[epoch] if epoch < len(epochs) else datetime.max.replace(tzinfo=UTC)
    anew = {_at(each) for each in facts if each["kind"] in begin_anew or each.get("origin") in _SPEAKERS}
    return sorted({starts, *(each for each in anew if starts <= each < ends)})


def _at(fact: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(fact["at"]).astimezone(UTC)
