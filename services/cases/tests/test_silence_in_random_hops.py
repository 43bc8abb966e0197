"""However time moves and whatever happens meanwhile: each reminder when it is due, once, and the end of a silence too."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.cases import CaseResolved, CustomerReminded
from libs.store.ids import new_id
from services.cases.tests.builders import CUSTOMER, did, part_delivered, part_shipped, shown
from services.cases.tests.test_silence import DAY, HOME, ask, begin
from tests.support.harness import Harness

HAPPENINGS = ["nothing", "nothing", "nothing", "asked", "answered", "part", "part over"]


class SlowDesk:
    """Goes through the midnights of the customer's place one by one, and says what is due at each."""

    def __init__(self) -> None:
        self.asked: dict[str, datetime] = {}
        self.reminded: dict[str, int] = {}
        self.part = False
        self.moved: datetime = datetime.min.replace(tzinfo=UTC)
        self.expected: list[tuple[str, int, datetime]] = []
        self.resolved: datetime | None = None

    def live(self, after: datetime, until: datetime) -> None:
        day = after.astimezone(HOME).date()
        while self.resolved is None:
            end = datetime(day.year, day.month, day.day, tzinfo=HOME).astimezone(UTC) + DAY
            if end > until:
                return
            if end > after:
                self._midnight(day, end)
            day += DAY

    def _midnight(self, today: date, end: datetime) -> None:
        def weekdays_since(instant: datetime) -> int:
            day, found = instant.astimezone(HOME).date(), 0
            while day < today:
                day += DAY
                found += day.weekday() < 5
            return found

        for wait, since in self.asked.items():
            due = sum(weekdays_since(since) >= n for n in (2, 5))
            if due > self.reminded.get(wait, 0):
                self.reminded[wait] = due
                self.expected.append((wait, due, end))
                self.moved = max(self.moved, end)
        owed = self.asked and not self.part and weekdays_since(max(self.asked.values())) >= 10
        if owed and weekdays_since(self.moved) >= 1:
            self.resolved = end


@given(hops=st.lists(st.tuples(st.integers(1, 200), st.sampled_from(HAPPENINGS)), min_size=2, max_size=9))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_reminder_comes_exactly_when_it_is_due_and_once(cases: Harness, hops: list[tuple[int, str]]) -> None:
    await cases.empty()
    case_id, wait = await begin(cases)
    desk, rma = SlowDesk(), None
    desk.asked[wait["id"]] = desk.moved = datetime.fromisoformat(wait["since"])
    before = desk.moved
    for hours, what in [*hops, (400, "nothing")]:
        await cases.advance(timedelta(hours=hours))
        now = await cases.now()
        desk.live(before, now)
        before = now
        if desk.resolved:
            break
        match what:
            case "asked":
                wait = await ask(cases, case_id)
                desk.asked[wait["id"]] = datetime.fromisoformat(wait["since"])
            case "answered" if desk.asked:
                await did(cases, case_id, "notes", {"text": "Đây ạ."}, **CUSTOMER)
                desk.asked = {}
                desk.moved = await cases.now()
            case "part" if rma is None:
                rma, desk.part = new_id(), True
                await cases.deliver(part_shipped(case_id, await cases.now(), rma))
            case "part over" if rma is not None:
                await cases.deliver(part_delivered(case_id, await cases.now(), rma))
                rma, desk.part, desk.moved = None, False, await cases.now()

    told = await cases.events(CustomerReminded)
    assert [(str(each.wait_id), each.reminder) for each in told] == [each[:2] for each in desk.expected]
    for each, (_, _, due) in zip(told, desk.expected, strict=True):
        assert timedelta(0) <= each.reminded_at - due < timedelta(minutes=1)
    assert ((await shown(cases, case_id))["state"] in {"resolved", "closed"}) == (desk.resolved is not None)
    resolved = await cases.events(CaseResolved)
    assert len(resolved) == (desk.resolved is not None)
    for each_resolved in resolved:
        assert desk.resolved
        assert timedelta(0) <= each_resolved.resolved_at - desk.resolved < timedelta(minutes=1)
