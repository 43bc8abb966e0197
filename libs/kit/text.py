"""Text as it is compared and searched for, however Vietnamese was typed."""

import unicodedata


def fold(text: str) -> str:
    """Lower case without diacritics: `Đèn máy ảnh` → `den may anh`. Folding twice changes nothing more."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def name_key(name: str) -> str:
    """A name of a town or a skill as it is compared: `Hồ Chí Minh` and `ho  chi minh.` are one name."""
    return " ".join("".join(c for c in fold(name) if c.isalnum() or c == " ").split())
