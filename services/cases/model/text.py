"""Text that a row can hold, and text as it is searched for."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _storable(text: str) -> str:
    text.encode()  # half a surrogate pair has no place in UTF-8
    if "\0" in text:
        raise ValueError("PostgreSQL holds no NUL")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), AfterValidator(_storable)
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2_000), AfterValidator(_storable)
]


def fold(text: str) -> str:
    """Lower case without diacritics: `Đèn máy ảnh` → `den may anh`, so that Vietnamese is found however it was typed."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def words(*texts: str | None) -> list[str]:
    """The distinct folded words of two letters or more, sorted."""
    return sorted({w for text in texts if text for w in re.findall(r"[^\W_]{2,}", fold(text))})
