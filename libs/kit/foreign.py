"""What libraries log, tamed: no value inside a message, and no line a thousand times."""

import logging
from collections.abc import Callable
from threading import Lock, Timer
from time import monotonic

from libs.store.reasons import reason

MOST = 10
"""Lines of one logger and one template in a window; the others are counted."""
WINDOW_SECONDS = 60.0
_MOST_WINDOWS = 1_000  # a library may put values into its templates


class Tamed(logging.Filter):
    """Passes the first lines of each kind in a window, and says at its end how many more there were."""

    def __init__(
        self, most: int = MOST, seconds: float = WINDOW_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__()
        self._most, self._seconds, self._clock = most, seconds, clock
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "repeated", None) is not None:
            return True
        template = _template(record)
        with self._lock:
            began, count = self._windows.pop((record.name, template), (float("-inf"), 0))
            if self._clock() - began >= self._seconds:
                began, count = self._clock(), 0
            if len(self._windows) >= _MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]  # what was heard of longest ago
            self._windows[record.name, template] = began, count + 1
        if count == self._most:
            timer = Timer(
                max(0.0, began + self._seconds - self._clock()), self._tell, (record.name, template, record.levelno)
            )
            timer.daemon = True
            timer.start()
        if count >= self._most:
            return False
        _without_values(record)
        return True

    def _tell(self, name: str, template: str, level: int) -> None:
        with self._lock:
            _, count = self._windows.pop((name, template), (0.0, 0))
        if (left_out := count - self._most) > 0:
            logging.getLogger(name).log(level, "repeated: %s", template, extra={"repeated": left_out})


def _template(record: logging.LogRecord) -> str:
    """What lines of one kind have in common: the message before its values, of asyncio's the first line."""
    return str(record.msg).partition("\n")[0][:200]


def _without_values(record: logging.LogRecord) -> None:
    """An error among the arguments is told by its reason; asyncio's `repr` of a task, which quotes one, is left out."""
    if record.name == "asyncio":
        record.msg = _template(record)
    if isinstance(record.args, tuple):
        record.args = tuple(reason(each) if isinstance(each, BaseException) else each for each in record.args)
