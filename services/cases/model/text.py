"""Text as problems are searched by."""

import re

from libs.kit.text import fold


def words(*texts: str | None) -> list[str]:
    """The distinct folded words of two letters or more, sorted."""
    return sorted({w for text in texts if text for w in re.findall(r"[^\W_]{2,}", fold(text))})
