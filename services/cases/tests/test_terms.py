"""What a text says, however it was typed and in whichever language."""

import json
import tomllib
import unicodedata
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.cases.model import terms as module
from services.cases.model.terms import distance, nearest, terms_of
from services.cases.tests.symptoms import known_errors, texts, typed_otherwise

LETTERS = st.text("abc", max_size=6)
WRITTEN_BY = "0020"
"""The migration that wrote the rows of before with these words."""


@given(st.text())
@example("Camera không nhận hình")
def test_terms_are_the_same_however_the_text_was_encoded_or_capitalised(text: str) -> None:
    assert terms_of(unicodedata.normalize("NFD", text)) == terms_of(text)
    assert terms_of(text.casefold()) == terms_of(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the phone reboots", "điện thoại tự khởi động lại"),
        ("no picture", "không có hình"),
        ("KHONG CO HINH", "không có hình"),
        ("Wi-Fi dropped", "rớt mạng không dây"),
        ("hoà", "hòa"),
    ],
)
def test_what_means_the_same_shares_terms(one: str, other: str) -> None:
    assert set(terms_of(one)) & set(terms_of(other))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("anh ơi cho em hỏi", ["hoi"]),  # the listed words, with diacritics
        ("ảnh", ["~picture"]),  # not anh
        ("anh", ["~picture"]),  # nobody knows
        ("đổi", ["doi"]),  # not dội, an echo
        ("doi", ["~echo"]),
        ("it is an hour on", ["~clock"]),  # neither ấn nor ồn
        ("khởi động lại", ["~restart"]),  # the longest phrase
        ("khởi động", ["~start"]),
        ("", []),
        ("của là và", []),
    ],
)
def test_what_is_said(text: str, found: list[str]) -> None:
    assert terms_of(text) == found


def test_whoever_changes_what_a_text_says_writes_the_rows_of_before_anew() -> None:
    """Rows keep the terms that they were written with: add a migration as README.md says, then change what stands here."""
    folder = Path(module.__file__).parent
    lists = [tomllib.loads((folder / f"{name}.toml").read_text()) for name in ("glossary", "stop_words")]
    said = [terms_of(each.text) for each in (*texts(), *typed_otherwise())]
    said += [terms_of(each.symptom, *each.keywords) for each in known_errors()]
    fingerprint = sha256(json.dumps([lists, said]).encode()).hexdigest()[:12]
    assert (fingerprint, WRITTEN_BY) == ("721e8570fc30", "0020")


# --- mistyped words ---------------------------------------------------------------------------------------------------


def within(one: str, steps: int) -> set[str]:
    """What so many letters less, more, other or changed with a neighbour make of it: by trying all."""
    found = {one}
    for _ in range(steps):
        for word in [*found]:
            at = range(len(word) + 1)
            found |= {word[:i] + c + word[i:] for i in at for c in "abc"}
            found |= {word[:i] + word[i + 1 :] for i in at}
            found |= {word[:i] + c + word[i + 1 :] for i in at for c in "abc"}
            found |= {word[:i] + word[i + 1 : i + 2] + word[i : i + 1] + word[i + 2 :] for i in at}
    return found


@given(LETTERS, LETTERS)
def test_one_letter_is_one_letter_and_more_is_more(one: str, other: str) -> None:
    far = distance(one, other, 2)
    assert far == distance(other, one, 2)
    assert (far == 0) == (one == other)
    assert (far <= 1) == (other in within(one, 1))


@given(LETTERS, LETTERS)
def test_two_letters_are_two_at_most(one: str, other: str) -> None:
    """Each place is changed once: what needs a place changed twice is further."""
    if distance(one, other, 2) <= 2:
        assert other in within(one, 2)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("vidoe", "video"), ("updaet", "update"), ("scren", "screen"), ("cam", None), ("xyzzy", None), ("cameras1", None)],
)
def test_a_mistyped_word_is_the_nearest_that_is_known(typed: str, meant: str | None) -> None:
    assert nearest(typed, {"video": 3, "update": 2, "screen": 1, "camera": 9}) == meant


def test_of_two_words_as_near_the_one_that_is_said_more_often_is_meant() -> None:
    assert nearest("boad", {"load": 1, "board": 5, "boat": 2}) == "board"
