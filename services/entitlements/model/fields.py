"""The fields that people type, and what makes them valid: country, time zone, e-mail, language, name."""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints

_EMAIL = re.compile(
    r"^[^@\s,;<>\"]{1,64}@(?=.{4,253}$)([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$", re.IGNORECASE
)


@lru_cache
def countries() -> dict[str, str]:
    """ISO 3166-1 alpha-2 codes and names, as the time zone database lists them."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text()
    rows = (line.split("\t", 1) for line in table.splitlines() if line and not line.startswith("#"))
    return dict(rows)


def _country(value: str) -> str:
    if value not in countries():
        raise ValueError("not an ISO 3166-1 alpha-2 country code, such as VN")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        raise ValueError("not an IANA time zone, such as Asia/Ho_Chi_Minh") from None
    return value


def _email(value: str) -> str:
    if not _EMAIL.match(value):
        raise ValueError("not an e-mail address")
    return value


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("a text cannot hold a NUL character")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_storable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\w][\w .:/+-]*$")]
"""A product number, serial or licence key: told apart exactly as it is written on the unit."""
Country = Annotated[str, AfterValidator(_country), Field(examples=["VN"])]
Zone = Annotated[str, AfterValidator(_zone), Field(examples=["Asia/Ho_Chi_Minh"])]
Email = Annotated[str, AfterValidator(_email), Field(examples=["quan.tri@saomai.example"])]
Phone = Annotated[str, StringConstraints(pattern=r"^[+]?[0-9][0-9 ().-]{4,30}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{3,500}$")]


def unchanged() -> Any:
    """The default of a PATCH's property that was not sent; a null is refused where the property must have a value."""
    return Field(default_factory=lambda: None)
