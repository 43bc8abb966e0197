"""When something was done at the site, where that is told later: there is not always a network."""

from datetime import datetime, timedelta
from typing import NamedTuple

from libs.kit.problems import Unprocessable
from services.onsite.model.policy import OnsitePolicy


class NotThen(Unprocessable):
    """It cannot have happened then: in the future, longer ago than is taken, or before what was done before it."""


class Moment(NamedTuple):
    """When it happened; and when it was told, where that was later."""

    at: datetime
    recorded_at: datetime | None


def moment(happened_at: datetime | None, *, after: datetime, now: datetime, policy: OnsitePolicy) -> Moment:
    """`after` is the instant of what was done before. A clock may be a little ahead of ours. Raises NotThen."""
    if happened_at is None or now <= happened_at <= now + timedelta(seconds=policy.clock_skew_seconds):
        return Moment(now, None)
    earliest = max(after, now - timedelta(hours=policy.told_later_hours))
    if not earliest <= happened_at <= now:
        raise NotThen(
            "It is told when it was done: not before what was done before it, not too long ago, and not in the future.",
            field="happened_at",
            not_before=earliest.isoformat(),
            not_after=now.isoformat(),
        )
    return Moment(happened_at, now)
