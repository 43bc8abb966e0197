import subprocess
import sys

import pytest

from libs.bus import Handlers, Jobs, Timers
from libs.bus.retention import Retention
from libs.kit.service import Service
from libs.kit.settings import UnsafeSetting, retention
from libs.kit.tests.conftest import Api, service


async def test_a_service_that_waits_for_nothing_and_calls_nobody_need_not_say_so(api: Api) -> None:
    assert (service.timers.service, service.jobs.service) == ("parcels", "parcels")
    assert await service.timers.fire_due(api.database) == 0
    async with service.jobs.client() as http:
        assert await service.jobs.run_due(api.database, http) == 0


def test_a_service_keeps_the_timers_and_jobs_that_it_is_given() -> None:
    timers, jobs = Timers("letters"), Jobs("letters")
    letters = Service(name="letters", routers=[], handlers=Handlers("letters"), timers=timers, jobs=jobs)
    assert (letters.timers, letters.jobs) == (timers, jobs)


@pytest.mark.parametrize(("goes_on", "code"), [("time.sleep(60)", 1), ("", 0)])
def test_a_process_that_cannot_end_is_ended(goes_on: str, code: int) -> None:
    program = f"import time; from libs.kit.service import end_within; end_within(0.2); {goes_on}"
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=30, capture_output=True)
    assert ended.returncode == code, ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEEP_INBOX_DAYS", "0"),
        ("KEEP_INBOX_RECORDS", "5999"),
        ("KEEP_VERSIONS_DAYS", "13"),
        ("KEEP_IDEMPOTENCY_KEYS_DAYS", "-1"),
    ],
)
def test_a_process_that_is_told_to_forget_too_soon_does_not_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert retention() == Retention()
    monkeypatch.setenv(f"POLYPLUS_{name}", value)
    with pytest.raises(UnsafeSetting, match=name):
        retention()
