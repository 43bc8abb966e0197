"""So many requests a second, with bursts: a token bucket for each caller, and what is left told in headers; so many at a time.

Headers: draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from libs.kit.edge import refused
from libs.kit.problems import TooManyRequests

_MOST = 20_000


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left."""

    rate: float
    burst: int
    left: float

    def headers(self) -> dict[str, str]:
        full_in = math.ceil((self.burst - self.left) / self.rate)
        window = math.ceil(self.burst / self.rate)
        return {
            "ratelimit-policy": f'"client";q={self.burst};w={window}',
            "ratelimit": f'"client";r={int(self.left)};t={full_in}',
        }


class Buckets:
    """Buckets by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[Hashable, _Bucket] = {}

    def take(self, key: Hashable, *, rate: float, burst: int) -> Allowance:
        """One request's worth. Raises TooManyRequests, which says when to come again."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room()
            bucket = self._buckets[key] = _Bucket(burst, now)
        bucket.level = min(burst, bucket.level + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.level < 1:
            wait = max(1, math.ceil((1 - bucket.level) / rate))
            refusal = TooManyRequests(f"At most {rate:g} requests per second; try again in {wait} s.")
            refusal.headers = {"Retry-After": str(wait), **Allowance(rate, burst, 0).headers()}
            raise refusal
        bucket.level -= 1
        return Allowance(rate, burst, bucket.level)

    def _make_room(self) -> None:
        """Forgets the buckets that were not used for longest: a burst begun anew is the price under such an attack."""
        if len(self._buckets) >= _MOST:
            oldest = sorted(self._buckets, key=lambda key: self._buckets[key].at)
            for key in oldest[: _MOST // 2]:
                del self._buckets[key]


class TooManyAtOnce(TooManyRequests):
    def __init__(self, detail: str, most: int) -> None:
        super().__init__(detail, limit=most)
        self.headers = {"Retry-After": "1"}


class AtOnce:
    """So many of each at a time. `total` is how many there are of all."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._held: Counter[Hashable] = Counter()

    @property
    def total(self) -> int:
        return self._held.total()

    @contextmanager
    def one(self, key: Hashable, why: str) -> Iterator[None]:
        """Holds a place while the block runs, however it ends. Raises TooManyAtOnce, which is counted as refused for `why`."""
        if self._held[key] >= self._most:
            refused.labels(why).inc()
            raise TooManyAtOnce(f"At most {self._most} {self._what} at a time; end one or wait for it.", self._most)
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
