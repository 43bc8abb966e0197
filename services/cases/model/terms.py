"""What a text says of a fault, in terms that are the same in Vietnamese and English, however it was typed.

A term is a word without diacritics and endings, or a concept of the glossary (`~restart`) in the place of all the words that mean it.
Rows keep terms: whoever changes what becomes of a text here or in the two files writes those of before anew (README.md).
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from snowballstemmer import EnglishStemmer

from libs.kit.text import fold

_HERE = Path(__file__).parent
_WORDS = re.compile(r"[^\W_]+")
_APOSTROPHES = str.maketrans("", "", "'’")
_LONGEST = 200
"""Words of a text that count: who writes more has said it."""
_stemmer = EnglishStemmer()


@dataclass(frozen=True)
class Word:
    """`marks`: the diacritics it was typed with. Without any it may be any word that has these letters, with them it is one.

    `filler` says something in a phrase of the glossary, and nothing by itself.
    """

    stem: str
    marks: str = ""
    filler: bool = False

    @property
    def may_be_mistyped(self) -> bool:
        """Where no problem has it."""
        return self.stem not in GLOSSARY_WORDS and distance_allowed(self.stem) > 0

    def may_be(self, other: "Word") -> bool:
        return self.stem == other.stem and self.marks in ("", other.marks)


_A_NO = Word("no", filler=True)
"""Every way to say so."""


def spelled(text: str) -> list[Word]:
    """Its words in their order, without those that neither say anything nor stand in a phrase of the glossary."""
    plain = unicodedata.normalize("NFC", text).casefold().translate(_APOSTROPHES)
    return [*_spoken(plain, with_marks=has_marks(plain))]


def _spoken(plain: str, *, with_marks: bool) -> Iterator[Word]:
    for word in _WORDS.findall(plain)[:_LONGEST]:
        folded = fold(word)
        if word in _SAYS_NO or (folded == word and word in _SAYS_NO_FOLDED):
            yield _A_NO
        elif with_marks and word in _STOPS:
            if word in _SPOKEN_OF:
                yield _word(word, filler=True)
        elif folded != word or folded not in _STOPS_FOLDED:
            yield _word(word)
        elif folded in _SPOKEN_OF_FOLDED:
            yield _word(word, filler=True)


@lru_cache(20_000)
def _word(word: str, *, filler: bool = False) -> Word:
    parts = unicodedata.normalize("NFD", word)
    # Sorted: hoà and hòa are one word.
    marks = "".join(sorted(c for c in parts if c == "đ" or unicodedata.combining(c)))
    return Word(_stemmer.stemWord(fold(word)), marks, filler)


def terms(words: Sequence[Word]) -> list[str]:
    """The distinct terms of such words, sorted: of a phrase of the glossary its concept alone."""
    found, at = set(), 0
    while at < len(words):
        length, term = next(_phrases_at(words, at), (0, words[at].stem))
        if length or not words[at].filler:
            found.add(term)
        at += length or 1
    return sorted(each for each in found if len(each) > 1)


def _phrases_at(words: Sequence[Word], at: int) -> Iterator[tuple[int, str]]:
    for phrase, concept in _PHRASES.get(words[at].stem, ()):
        here = words[at : at + len(phrase)]
        if len(here) == len(phrase) and all(map(Word.may_be, here, phrase)):
            yield len(phrase), concept


def terms_of(*texts: str | None) -> list[str]:
    """The distinct terms of what a problem is described by, sorted."""
    return sorted({term for text in texts if text for term in terms(spelled(text))})


def has_marks(text: str) -> bool:
    """Whether it was typed with diacritics, as Vietnamese is and English is not."""
    return (plain := text.casefold()) != fold(plain)


def is_stop_word(word: str) -> bool:
    """As it is typed; one that stands in a phrase of the glossary too."""
    return unicodedata.normalize("NFC", word).casefold() in _STOPS


def nearest(word: str, known: Mapping[str, int]) -> str | None:
    """The known word that this one was meant to be: at distance 1, of six letters or more at 2; None where there is none.

    Of several the one that is said most often.
    """
    most, letters = distance_allowed(word), set(word)
    alike = (each for each in known if len(letters.symmetric_difference(each)) <= 2 * most)
    near = [(far, -known[each], each) for each in alike if (far := distance(word, each, most)) <= most]
    return min(near)[-1] if near else None


def distance_allowed(word: str) -> int:
    """0: too short to say what it was meant to be."""
    return 0 if len(word) < 4 or not word.isalpha() else 1 if len(word) < 6 else 2


def distance(one: str, other: str, most: int) -> int:
    """Letters that are missing, too many, others, or changed with their neighbour (Damerau, each place once); `most` + 1 for more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before, last = list[int](), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)


def _read(name: str) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((_HERE / name).read_text(encoding="utf-8"))


def _words_in(text: str) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFC", text).casefold().translate(_APOSTROPHES))


_LISTS: dict[str, str] = tomllib.loads((_HERE / "stop_words.toml").read_text(encoding="utf-8"))
_GROUPS = {concept: phrases for part in _read("glossary.toml").values() for concept, phrases in part.items()}
_SPOKEN_OF = {word for phrases in _GROUPS.values() for phrase in phrases for word in _words_in(phrase)}
_SPOKEN_OF_FOLDED = {fold(word) for word in _SPOKEN_OF}
_SAYS_NO = frozenset(_words_in(_LISTS["no"]))
_SAYS_NO_FOLDED = frozenset(fold(word) for word in _SAYS_NO)
_ENGLISH_STOPS = frozenset(_words_in(_LISTS["english"]))
_STOPS = _ENGLISH_STOPS | frozenset(_words_in(_LISTS["vietnamese"]))
_STOPS_FOLDED = frozenset(fold(word) for word in _STOPS)


def _phrases() -> dict[str, list[tuple[tuple[Word, ...], str]]]:
    """By their first word, the longest first."""
    found: dict[str, list[tuple[tuple[Word, ...], str]]] = {}
    for concept, phrases in _GROUPS.items():
        for phrase in dict.fromkeys(phrases):
            said = tuple(_A_NO if word in _SAYS_NO else _word(word) for word in _words_in(phrase))
            if len(said) > 1 or said[0].stem not in _ENGLISH_STOPS:  # ồn without diacritics is on
                found.setdefault(said[0].stem, []).append((said, f"~{concept}"))
    for each in found.values():
        each.sort(key=lambda phrase: -len(phrase[0]))
    return found


_PHRASES = _phrases()
GLOSSARY_WORDS = frozenset(word.stem for each in _PHRASES.values() for phrase, _ in each for word in phrase)
