"""The clock that every countdown is shown by."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.harness import Harness


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=3, seconds=1.5)])
async def test_the_clock_of_the_domain_is_the_real_one_and_what_a_sandbox_is_ahead(
    activity: Harness, ahead: timedelta
) -> None:
    await activity.advance(ahead)
    before = datetime.now(UTC)
    answer = await activity.get("/v1/time", role="technician")
    after = datetime.now(UTC)
    assert answer.status_code == 200
    offset = timedelta(seconds=answer.json()["offset_seconds"])
    assert (offset == ahead) if not ahead else (ahead - timedelta(seconds=5) < offset <= ahead)
    slack = timedelta(seconds=1)  # the database's clock is asked, and the test's compared
    assert before - slack <= datetime.fromisoformat(answer.json()["now"]) - offset <= after + slack
