"""A labelled set for the search of known errors: texts of which each says what one known error is about, and problems that are about others.

`known_errors.toml` was written first, `texts.tsv` then, in two halves, and the glossary last; nothing may be tuned on the second half.
Vietnamese is asked as it was written, and typed in five other ways.
"""

import random
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from libs.kit.text import fold

HERE = Path(__file__).parent
PRODUCTS = {
    "8L531AA": "studio",
    "8D8L1AA": "studio",
    "A3SV5AA": "studio",
    "A4MA7AA": "studio",
    "A01KCAA": "studio",
    "842F8AA": "camera",
    "842D2AA": "studio",
    "977L6AA": "touch-control",
    "849B6AA": "trio",
    "82Z84AA": "ccx",
    "82M90AA": "edge-e",
    "213726-01": "voyager",
    "875M6AA": "accessory",
}
_GENERAL = 0.1
"""The share of problems that name no product."""


@dataclass(frozen=True)
class Described:
    """A problem as its author describes it."""

    key: str
    symptom: str
    keywords: list[str]
    family: str | None = None
    product: str | None = None
    affected_from: str | None = None
    fix_release: str | None = None


@dataclass(frozen=True)
class Asked:
    """A text, and the known error that it is about. `way`: how it was typed."""

    key: str
    half: Literal["first", "second"]
    language: Literal["vi", "en"]
    kind: Literal["short", "paraphrase", "synonym", "typo"]
    text: str
    way: str = "as written"


def half_of(text: str) -> str:
    """Every second word without diacritics."""
    return " ".join(fold(word) if n % 2 else word for n, word in enumerate(text.split()))


WAYS: dict[str, Callable[[str], str]] = {
    "without diacritics": lambda text: unicodedata.normalize("NFC", fold(text)),
    "half without": half_of,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "upper case": str.upper,
    "upper case without": lambda text: fold(text).upper(),
}


def unit_of(known: Described) -> tuple[str, str | None]:
    """Product number and firmware of who asks: any product where the known error is of none."""
    return known.product or "8L531AA", known.affected_from


@cache
def known_errors() -> list[Described]:
    read = tomllib.loads((HERE / "known_errors.toml").read_text(encoding="utf-8"))
    return [Described(**each) for each in read["known_errors"]]


@cache
def texts() -> list[Asked]:
    """As they were written."""
    _, *lines = (HERE / "texts.tsv").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        half, key, language, kind, text = line.split("\t")
        found.append(Asked(key, half, language, kind, text))  # type: ignore[arg-type]
    return found


def typed_otherwise() -> list[Asked]:
    """Each Vietnamese text in each of the other ways."""
    return [
        Asked(each.key, each.half, each.language, each.kind, typed(each.text), way)
        for each in texts()
        if each.language == "vi"
        for way, typed in WAYS.items()
    ]


def distractors(number: int, seed: int = 1) -> Iterator[Described]:
    """Problems about something else: about half of their words say what is wrong with what, the rest is of an open vocabulary."""
    grammar: dict[str, Any] = tomllib.loads((HERE / "distractors.toml").read_text(encoding="utf-8"))
    english, vietnamese = grammar["open_english"].split(), _phrases(grammar["open_vietnamese"])
    drawn, banned = random.Random(seed), frozenset(grammar["banned"])
    for n in range(number):
        component, fault, circumstance = (
            drawn.choice(grammar[each]) for each in ("components", "faults", "circumstances")
        )
        while f"{component[0]} {fault[0]}" in banned:
            fault = drawn.choice(grammar["faults"])
        other = drawn.choice(grammar["components"]), drawn.choice(grammar["faults"])
        if f"{other[0][0]} {other[1][0]}" in banned:
            other = component, fault
        en = (
            f"{component[0]} {fault[0]} {circumstance[0]}",
            f"{other[0][0]} {fault[0]}",
            f"{component[0]} {other[1][0]}",
        )
        vi = (
            f"{component[1]} {fault[1]} {circumstance[1]}",
            f"{other[0][1]} {fault[1]}",
            f"{component[1]} {other[1][1]}",
        )
        if f"{other[0][0]} {fault[0]}" in banned or f"{component[0]} {other[1][0]}" in banned:
            en, vi = (en[0],) * 3, (vi[0],) * 3
        said, else_said = [[*en], [*vi]], [_few(english, drawn), _few(vietnamese, drawn)]
        first = drawn.random() < 0.5
        product = None if drawn.random() < _GENERAL else drawn.choice([*PRODUCTS])
        code = f" {drawn.choice('EVXQ')}{drawn.randrange(10_000)}" if drawn.random() < 0.3 else ""
        yield Described(
            key=f"D{n}",
            symptom=f"{said[first][0]}, {' '.join(else_said[first])}{code}",
            keywords=[f"{each} {drawn.choice(else_said[at])}" for at in (0, 1) for each in said[at][1:]],
            family=PRODUCTS[product] if product else None,
            product=product,
            affected_from=f"{drawn.randint(1, 8)}.{drawn.randint(0, 9)}" if drawn.random() < 0.5 else None,
            fix_release=f"{drawn.randint(3, 9)}.{drawn.randint(0, 9)}" if drawn.random() < 0.3 else None,
        )


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for line in text.splitlines() for phrase in line.split(",") if phrase.strip()]


def _few(vocabulary: list[str], drawn: random.Random) -> list[str]:
    """Some are said often and most seldom."""
    return [vocabulary[int(len(vocabulary) * drawn.random() ** 2)] for _ in range(drawn.randint(3, 7))]
