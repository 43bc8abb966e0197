"""Opening hours as people write them into one cell: `Mon-Fri 08:00-17:30; Sat 08:00-12:00`, `T2-T6 08:00-17:30`."""

import re
from typing import Any

from libs.kit.text import fold

_DAYS = {
    name: weekday
    for weekday, names in enumerate(("mon t2", "tue t3", "wed t4", "thu t5", "fri t6", "sat t7", "sun cn"))
    for name in names.split()
}
_WINDOW = re.compile(r"([a-z]+\d?)(?:\s*-\s*([a-z]+\d?))?\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


def opening_hours(text: str) -> list[dict[str, Any]]:
    """The windows, parted by semicolons, commas or lines. Raises ValueError."""
    written = re.sub("[\u2010-\u2015]", "-", fold(text))
    return [_window(each.strip()) for each in re.split(r"[;,\n]", written) if each.strip()]


def _window(text: str) -> dict[str, Any]:
    found = _WINDOW.fullmatch(text)
    first, last = (_day(found[1]), _day(found[2] or found[1])) if found else (None, None)
    if found is None or first is None or last is None:
        raise ValueError(f"{text[:60]!r} is not written as in `Mon-Fri 08:00-17:30; Sat 08:00-12:00`")
    days = [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
    opens, closes = f"{int(found[3]):02}:{found[4]}", f"{int(found[5]):02}:{found[6]}"
    return {"weekdays": sorted(days), "opens": opens, "closes": closes}


def _day(name: str) -> int | None:
    return _DAYS.get(name, _DAYS.get(name[:3]))
