"""The fields that people type, and what makes them valid: country, time zone, e-mail, language, name."""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from libs.kit.fields import Storable

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


def _email(value: str) -> str:
    if not _EMAIL.match(value):
        raise ValueError("not an e-mail address")
    return value


Country = Annotated[str, AfterValidator(_country), Field(examples=["VN"])]
Email = Annotated[
    str,
    StringConstraints(max_length=320),
    Storable,
    AfterValidator(_email),
    Field(examples=["quan.tri@saomai.example"]),
]
Phone = Annotated[str, StringConstraints(pattern=r"^[+]?[0-9][0-9 ().-]{4,30}$")]


def unchanged() -> Any:
    """The default of a PATCH's property that was not sent; a null is refused where the property must have a value."""
    return Field(default_factory=lambda: None)
