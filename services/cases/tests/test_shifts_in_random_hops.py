"""However time moves and whatever happens meanwhile: each end of a shift is told once, and each P1 is handed over once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.cases import CaseRouted, ShiftEndsWithOpenCases
from libs.events.cases_work import InternalNoteAdded
from services.cases.tests.builders import LAN_ID, did, opened
from services.cases.tests.test_queues import a_queue
from tests.support.harness import Harness
from tests.support.people import LAN

MINUTE = timedelta(minutes=1)
SHIFTS = {
    "europe": ("Europe/Berlin", 8, 16),
    "asia": ("Asia/Ho_Chi_Minh", 6, 14),
    "nights": ("Asia/Ho_Chi_Minh", 22, 24),
}
"""By zone, from when to when. There are hours in which nobody is on duty."""
HAPPENINGS = ["nothing", "nothing", "taken", "taken", "minor", "critical", "waits", "renamed"]


def on_duty(at: datetime) -> str | None:
    """One at most: the three do not overlap."""
    found = [
        code for code, (zone, opens, closes) in SHIFTS.items() if opens <= at.astimezone(ZoneInfo(zone)).hour < closes
    ]
    assert len(found) <= 1
    return found[0] if found else None


@dataclass
class SlowCase:
    queue: str
    assignee: UUID | None = None
    priority: str = "P1"


@dataclass
class SlowDesk:
    """Looks at each minute; not at those that it sleeps through."""

    cases: dict[UUID, SlowCase] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    """Queues of which a shift ended and nobody has looked since while anybody was on duty."""
    told: list[tuple[str, datetime, dict[UUID, UUID | None]]] = field(default_factory=list)
    handed: list[tuple[UUID, str, str]] = field(default_factory=list)

    def live(self, after: datetime, until: datetime, *, asleep: bool) -> None:
        first = after.replace(second=0, microsecond=0) + MINUTE
        minutes = [first + n * MINUTE for n in range(max(0, (until - first) // MINUTE + 1))] if until >= first else []
        for minute in minutes:
            for code in SHIFTS:
                if on_duty(minute - MINUTE) == code != on_duty(minute):
                    self.over.add(code)
            if not asleep:
                self._look(minute - MINUTE, minute)
        if asleep:
            self._look(after, until)

    def _look(self, before: datetime, now: datetime) -> None:
        duty = on_duty(now)
        for case in self.cases.values():
            if case.assignee is None:
                case.queue = duty or "support"
        if duty:
            end = now.replace(second=0, microsecond=0)
            while on_duty(end) == duty:
                end += MINUTE
            if before < end - 30 * MINUTE <= now:
                open_p1s = {id: c.assignee for id, c in self.cases.items() if c.priority == "P1" and c.queue == duty}
                if open_p1s:
                    self.told.append((duty, end, open_p1s))
            for id, case in sorted(self.cases.items()):
                if case.queue in self.over - {duty} and case.assignee and case.priority == "P1":
                    self.handed.append((id, case.queue, duty))
                    case.queue, case.assignee = duty, None
            self.over.clear()


async def happens(h: Harness, desk: SlowDesk, case_id: UUID, what: str, queues: dict[str, Any]) -> None:
    case = desk.cases[case_id]
    match what:
        case "taken":
            await did(h, case_id, "assign")
            case.assignee = LAN_ID
        case "minor" | "critical":
            await did(h, case_id, "severity", {"severity": what, "reason": "seen anew"})
            case.priority = {"minor": "P4", "critical": "P1"}[what]
        case "waits":
            await did(h, case_id, "waits", {"wait": "customer", "note": "Which firmware?"})
        case "renamed":
            path = f"/v1/queues/{queues['europe']['id']}"
            etag = (await h.get(path)).headers["etag"]
            assert (await h.patch(path, {"name": "EMEA"}, etag=etag, role="manager")).status_code == 200


@given(
    hops=st.lists(
        st.tuples(st.integers(1, 600), st.booleans(), st.booleans(), st.sampled_from(HAPPENINGS)),
        min_size=3,
        max_size=9,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_end_is_told_once_and_each_p1_handed_over_once(
    cases: Harness, hops: list[tuple[int, bool, bool, str]]
) -> None:
    """In some hops no timer fires, as while the service is down: it looks when it is there again."""
    await cases.empty()
    await cases.learn({LAN_ID: LAN})
    queues = {code: await a_queue(cases, code, duty=_duty(*shift)) for code, shift in SHIFTS.items()}
    desk, before = SlowDesk(), await cases.now()
    ids = [await opened(cases, serial=f"SN-{n}") for n in range(2)]
    desk.cases = {id: SlowCase(on_duty(before) or "support") for id in ids}
    await cases.fire_timers()
    told_at_once = len(await cases.events(ShiftEndsWithOpenCases))
    for minutes, asleep, second, what in hops:
        if asleep:
            await cases._hop(await cases.now() + timedelta(minutes=minutes))
            await cases.fire_timers()
        else:
            await cases.advance(timedelta(minutes=minutes))
        now = await cases.now()
        desk.live(before, now, asleep=asleep)
        before = now
        await happens(cases, desk, ids[second], what, queues)

    told = (await cases.events(ShiftEndsWithOpenCases))[told_at_once:]
    assert [(e.queue, e.ends_at, {c.case_id: c.assignee_id for c in e.cases}) for e in told] == desk.told
    handed = [e for e in await cases.events(CaseRouted) if e.previous_assignee_id]
    assert sorted((e.case_id, e.previous_queue or "", e.queue) for e in handed) == sorted(desk.handed)
    notes = [n for n in await cases.events(InternalNoteAdded) if "Ca trực của" in n.text]
    assert sorted(n.case_id for n in notes) == sorted(id for id, _, _ in desk.handed)


def _duty(zone: str, opens: int, closes: int) -> dict[str, Any]:
    window = {"weekdays": list(range(7)), "opens": f"{opens:02}:00", "closes": f"{closes:02}:00"}
    return {"time_zone": zone, "windows": [window]}
