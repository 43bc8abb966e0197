"""Text as it is searched for."""

import re
import unicodedata


def fold(text: str) -> str:
    """Lower case without diacritics: `Đèn máy ảnh` → `den may anh`, so that Vietnamese is found however it was typed."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def words(*texts: str | None) -> list[str]:
    """The distinct folded words of two letters or more, sorted."""
    return sorted({w for text in texts if text for w in re.findall(r"[^\W_]{2,}", fold(text))})
