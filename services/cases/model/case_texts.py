"""The words by which cases are found, and the words of what is looked for.

A text has each of its words as it was typed and without diacritics. A word of a search that has diacritics is found as it is, one that
has none wherever it has these letters. Rows keep words: whoever changes what becomes of a text here writes those of before anew.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR

from libs.events import labels
from libs.kit.text import fold
from libs.store.metadata import metadata

_WORDS = re.compile(r"[^\W_]+")
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_EARLY_TONE = re.compile(f"(o)([{_TONES}])([ae])|(u)([{_TONES}])(y)")
"""hòa and hoà are one word: the tone stands on the second vowel."""
_LONGEST = 60
"""Bytes of a word that count. 10,000 of them, as many as a case has at most, stay below what a tsvector takes (1 MiB)."""
_MOST_ASKED = 20

case_texts = sa.Table(
    "case_texts",
    metadata("cases"),
    sa.Column("case_id", sa.Uuid(), primary_key=True),
    sa.Column("account_id", sa.Uuid(), nullable=False),
    sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
    sa.Column("public_words", TSVECTOR(), nullable=False),
    sa.Column("staff_words", TSVECTOR(), nullable=False),
    sa.Index("case_texts_public_words_idx", "public_words", postgresql_using="gin"),
    sa.Index("case_texts_staff_words_idx", "staff_words", postgresql_using="gin"),
    sa.Index("case_texts_opened_at_case_id_idx", "opened_at", "case_id"),
    sa.Index("case_texts_account_id_opened_at_case_id_idx", "account_id", "opened_at", "case_id"),
)
"""What each case says, kept by triggers and read by the function `cases_that_say` alone: its words may not wait for row-level security,
which no index of words goes with, so the table lets nobody else read a row."""


@lru_cache(1_000)
def said(*texts: str | None, label: str | None = None) -> tuple[str, ...]:
    """The distinct words of these texts, and the `label` of a unit as one word."""
    found = dict.fromkeys([_label(label or "")])
    for text in texts:
        for word in _spelled(text or ""):
            found[word] = None
            found[_cut(fold(word))] = None
    return tuple(each for each in found if each)


def looked_for(text: str) -> str | None:
    """As `tsquery` reads it: all of the words, the last of them as a beginning; a number or serial as it is or by its parts.

    None for a text without a word.
    """
    wanted = [*_wanted(text.split()[:_MOST_ASKED])]
    return " & ".join(wanted) or None


def _wanted(tokens: list[str]) -> Iterator[str]:
    for n, token in enumerate(tokens, 1):
        ways, end = list[str](), ":*" if n == len(tokens) else ""
        if words := [_cut(word) for word in _spelled(token)]:
            *others, last = map(_quoted, words)
            ways.append(" & ".join([*others, last + end]))
        # Letters with diacritics are no label's.
        if fold(token) == token.casefold() and any(c.isdigit() for c in token) and (label := _label(token)):
            ways.append(_quoted(label) + end)
        if ways:
            yield f"({' | '.join(ways)})"


def _spelled(text: str) -> Iterator[str]:
    """Its words as they are typed, in small letters."""
    for word in _WORDS.findall(unicodedata.normalize("NFC", text.casefold())):
        yield _cut(word if word.isascii() else unicodedata.normalize("NFC", _with_late_tone(word)))


def _with_late_tone(word: str) -> str:
    return _EARLY_TONE.sub(lambda m: f"{m[1] or m[4]}{m[3] or m[6]}{m[2] or m[5]}", unicodedata.normalize("NFD", word))


def _label(text: str) -> str:
    """Told from every word of a text, so that `case` does not begin every case's number. Empty for what has nothing of a label."""
    label = fold(labels.serial(text))
    return _cut(f"#{label}") if label else ""


def _cut(word: str) -> str:
    return word if len(word) <= _LONGEST // 4 else word.encode()[:_LONGEST].decode(errors="ignore")


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
