"""Vietnamese is found, and names are one, however they were typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.text import fold, name_key


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
