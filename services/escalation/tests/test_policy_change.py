"""A new version of the numbers reaches the cases under way."""

from datetime import timedelta

import pytest

from libs.events.escalation import ClockStarted, ThresholdBreached
from services.escalation.tests.builders import a_case, now_after
from tests.support.harness import Harness


async def test_a_calendar_that_cannot_be_is_refused_with_a_reason(escalation: Harness) -> None:
    calendar = {"time_zone": "Mars/Olympus", "windows": [{"weekdays": [0], "opens": "08:00", "closes": "12:00"}]}
    refused = await escalation.post(
        "/v1/escalation-policies", {"settings": {"calendar": calendar}, "why": "a test"}, role="manager"
    )
    assert refused.status_code == 422
    assert "Mars/Olympus" in refused.text
