"""The texts that callers send, in bodies, queries and paths: bounded, and nothing that a column cannot hold.

Every service takes its texts by these types, so that a NUL, half a surrogate pair or a text without end is a 422 that names
the field, and never an error of the database's. `tests/contract/test_texts.py` holds every route to it.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints

from libs.events import labels

_SERIAL = re.compile(r"\w[\w.:/+#-]{0,99}")
_PRODUCT_NUMBER = re.compile(r"\w[\w./+#-]{0,99}")  # no colon: it stands between the two in a registration's key
_A_NUMBER = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)  # "8.26E+12": the last digits are lost
_EMAIL = re.compile(
    r"[^@\s,;<>\"]{1,64}@(?=.{4,253}$)([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.IGNORECASE
)


def storable(text: str) -> str:
    """The text, when PostgreSQL can hold it. Raises ValueError."""
    text.encode()  # half a surrogate pair has no place in UTF-8
    if "\0" in text:
        raise ValueError("a text cannot hold a NUL character")
    return text


def cleaned(answer: Any) -> Any:
    """What another system answered, with nothing in it that a column cannot hold: it cannot be told to say it otherwise."""
    if isinstance(answer, str):
        return answer.encode(errors="replace").decode().replace("\0", "")
    if isinstance(answer, dict):
        return {cleaned(name): cleaned(value) for name, value in answer.items()}
    return [cleaned(each) for each in answer] if isinstance(answer, list) else answer


@cache
def countries() -> dict[str, str]:
    """ISO 3166-1 alpha-2 codes and names, as the time zone database lists them."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text()
    rows = (line.split("\t", 1) for line in table.splitlines() if line and not line.startswith("#"))
    return dict(rows)


def _country(code: str) -> str:
    if code not in countries():
        raise ValueError("not an ISO 3166-1 alpha-2 country code, such as VN")
    return code


def _email(address: str) -> str:
    if not _EMAIL.fullmatch(address):
        raise ValueError("not an e-mail address")
    return address


def _format(name: str, example: str) -> Any:
    """What the JSON schema says of such a text."""
    return Field(json_schema_extra={"format": name}, examples=[example])


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError("not an IANA time zone, such as Asia/Ho_Chi_Minh") from None
    return name


def _label(text: str) -> str:
    if _A_NUMBER.fullmatch(text.strip()):
        raise ValueError("Excel wrote this as a number: format the column as text and enter it again")
    if text.strip().rstrip(".").upper() in ("N/A", "N.A", "NA"):
        raise ValueError("it says that there is none")
    return text


def _serial(text: str) -> str:
    if not _SERIAL.fullmatch(label := labels.serial(_label(text))):
        raise ValueError("not a serial: 1 to 100 letters, digits and . : / + # - _")
    return label


def _product_number(text: str) -> str:
    if not _PRODUCT_NUMBER.fullmatch(label := labels.product_number(_label(text))):
        raise ValueError("not a product number: 1 to 100 letters, digits and . / + # - _")
    return label


Storable = AfterValidator(storable)

Short = Annotated[str, StringConstraints(max_length=200), Storable]
"""A text of one line that may be empty."""
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
"""A code or a number: of a part, a plan, a shipment, a family."""
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
"""A name, or another text of one line."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2_000), Storable]
"""Why somebody did something; it stands in a history."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), Storable]
"""What people write to each other."""
Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s\x00]{3,500}$"),
    Storable,
    _format("uri", "https://saomai.example/room"),
]
Email = Annotated[
    str,
    StringConstraints(max_length=320),
    Storable,
    AfterValidator(_email),
    _format("email", "quan.tri@saomai.example"),
]
Phone = Annotated[str, StringConstraints(pattern=r"^[+]?[0-9][0-9 ().-]{4,30}$"), Field(examples=["+84 28 5550 0100"])]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone), _format("time-zone", "Asia/Ho_Chi_Minh")]
Country = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country), _format("country-code", "VN")
]

Serial = Annotated[str, StringConstraints(max_length=labels.MAX_WRITTEN), Storable, AfterValidator(_serial)]
"""The serial of a unit or part however it was scanned or typed, in its canonical form; a text that has none is refused."""
ProductNumber = Annotated[
    str, StringConstraints(max_length=labels.MAX_WRITTEN), Storable, AfterValidator(_product_number)
]
"""The product number of a unit likewise."""
