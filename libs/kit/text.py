"""Text as it is compared, searched for and sorted, however Vietnamese was typed: PostgreSQL's own collations know no Vietnamese."""

import re
import unicodedata

_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_LETTERS = {letter: chr(ord("A") + place) for place, letter in enumerate(_ALPHABET)}
_SHAPES = "\u0302\u0306\u031b"
"""Circumflex, breve and horn make another letter, and no tone."""
_TONES = {mark: str(place) for place, mark in enumerate("\u0300\u0309\u0303\u0301\u0323", 1)}
"""Huyền, hỏi, ngã, sắc, nặng; a letter without a tone comes before them."""
_WORDS = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"\d+|[^\W\d_]|.", re.DOTALL)


def fold(text: str) -> str:
    """Lower case without diacritics: `Đèn máy ảnh` → `den may anh`. Folding twice changes nothing more."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """Its words, folded, in their order; digits are words too."""
    return _WORDS.findall(fold(text))


def name_key(name: str) -> str:
    """A name of a town or a skill as it is compared: `Hồ Chí Minh` and `ho  chi minh.` are one name."""
    return " ".join("".join(c for c in fold(name) if c.isalnum() or c == " ").split())


def sort_key(text: str) -> str:
    """ASCII that sorts byte by byte as Vietnamese does: by letters (a, ă, â, b …), then tones, then case.

    Numbers go by their value and before letters, what is neither counts as a space, and letters of other scripts come last.
    """
    letters, tones, cases = [], [], []
    for part in _PARTS.findall(unicodedata.normalize("NFC", text)):
        if part.isdecimal():
            digits = "".join(str(unicodedata.decimal(c)) for c in part).lstrip("0")
            letters.append(chr(ord("0") + min(len(digits), 16)) + digits)
        elif part.isalpha():
            base, marks = (decomposed := unicodedata.normalize("NFD", part))[0], decomposed[1:]
            shape = unicodedata.normalize("NFC", base + "".join(m for m in marks if m in _SHAPES)).lower()
            letters.append(_LETTERS.get(shape) or f"~{ord(part.lower()[0]):06x}")
            tones.append(next((_TONES[m] for m in marks if m in _TONES), "0"))
            cases.append("1" if part.isupper() else "0")
        elif not unicodedata.combining(part):
            letters.append(" ")
    levels = " ".join("".join(letters).split()), "".join(tones).rstrip("0"), "".join(cases).rstrip("0")
    return "\x1f".join(levels)
