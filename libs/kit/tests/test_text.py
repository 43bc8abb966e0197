"""Vietnamese is found and sorted, and names are one, however they were typed."""

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.text import fold, name_key, sort_key

GOLDEN = """
5 Lê Lợi
05A Lê Lợi
12 Lê Lợi
An
ảnh
ánh sáng
ao
Ănten
Ân
ấn
ba
bà
bả
bã
bá
bạ
bà Ba
Bàn 2
bàn 10
Bàn 10
cam
Cao Bằng
Cần Thơ
Chợ Lớn
da
Đà Lạt
Đà Nẵng
Đắk Lắk
đèn
E
Ê
Hà Nội
Hải Phòng
Hồ Chí Minh
Huế
mà
Ngô Quyền
Nguyễn An
Nguyễn Ân
Nguyễn Bình
oa
ô
ơ
Phòng 1
phòng 2
Phòng 2
Phòng 10
Phòng họp
Quảng Ngãi
Sa Đéc
thao
tho
thơ
Thuận An
Thừa Thiên
u
ư
Ý Yên
Москва
""".strip().splitlines()
"""As a Vietnamese dictionary has them: by letters, then tones (none, huyền, hỏi, ngã, sắc, nặng), then case; numbers by value."""


def test_names_sort_as_a_vietnamese_dictionary_has_them() -> None:
    mixed = random.Random(7).sample(GOLDEN, len(GOLDEN))
    assert sorted(mixed, key=sort_key) == GOLDEN


@given(st.text(max_size=40))
def test_a_key_is_ascii_and_the_same_however_the_text_was_composed(text: str) -> None:
    key = sort_key(text)
    assert key.isascii()
    assert sort_key(unicodedata.normalize("NFD", text)) == sort_key(unicodedata.normalize("NFC", text)) == key


def test_case_and_tones_break_ties_only() -> None:
    assert sort_key("Phòng 2") < sort_key("phong 10")
    assert sort_key("ba  -  ba") == sort_key("ba ba") != sort_key("Ba ba")


@pytest.mark.parametrize(
    ("typed", "folded"), [("Đèn MÁY ảnh", "den may anh"), ("không nhận hình", "khong nhan hinh"), ("Naïve", "naive")]
)
def test_folded_text_has_neither_capitals_nor_diacritics(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert name_key(name_key(text)) == name_key(text)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("Hồ Chí Minh", "ho chi minh"),
        ("da  nang ", "da nang"),
        ("Bà Rịa - Vũng Tàu", "ba ria vung tau"),
        ("X-70", "x70"),
    ],
)
def test_a_name_is_compared_by_its_letters_and_digits(typed: str, key: str) -> None:
    assert name_key(typed) == key
