"""The kinds of values that commands of this service take."""

import zoneinfo
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from libs.events.values import Window


def _storable(text: str) -> str:
    text.encode()  # half a surrogate pair has no place in UTF-8
    if "\0" in text:
        raise ValueError("PostgreSQL holds no NUL")
    return text


def _zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError("not a time zone of the IANA database")
    return name


def _forward(window: Window) -> Window:
    if window.ends <= window.starts:
        raise ValueError("it ends before it begins")
    return window


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), AfterValidator(_storable)
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2_000), AfterValidator(_storable)
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00]+$", max_length=500), AfterValidator(_storable)]
Zone = Annotated[str, AfterValidator(_zone)]
Span = Annotated[Window, AfterValidator(_forward)]
