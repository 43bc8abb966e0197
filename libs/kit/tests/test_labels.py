"""One label is one text, however it was written; two labels never become one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from libs.events.entitlements import registration_key
from libs.events.labels import MAX_WRITTEN, product_number, serial
from libs.kit import fields
from tests.support.spellings import labels, spelled_product_numbers, spelled_serials

SERIAL: TypeAdapter[str] = TypeAdapter(fields.Serial)
PRODUCT_NUMBER: TypeAdapter[str] = TypeAdapter(fields.ProductNumber)


@given(labels, st.data())
def test_any_spelling_of_a_label_is_that_label(label: str, data: st.DataObject) -> None:
    written, number = data.draw(spelled_serials(label)), data.draw(spelled_product_numbers(label))

    assert (serial(written), product_number(number)) == (label, label)
    assert (SERIAL.validate_python(written), PRODUCT_NUMBER.validate_python(number)) == (label, label)
    assert registration_key(number, written) == registration_key(label, label)


@given(labels)
def test_a_label_as_it_is_printed_stays_as_it_is(label: str) -> None:
    assert (serial(label), product_number(label)) == (label, label)


@given(st.text(max_size=60) | st.text("]C1210(){}SNsn/:#= .\x1d*'", max_size=60))
def test_what_is_canonical_stays_so(text: str) -> None:
    for canonical in (serial, product_number):
        assert canonical(canonical(text)) == canonical(text)


@given(st.text(max_size=MAX_WRITTEN))
def test_what_is_taken_is_a_label_of_bounded_length(text: str) -> None:
    """NFKC can make eighteen characters of one."""
    for given_by_callers in (SERIAL, PRODUCT_NUMBER):
        try:
            taken = given_by_callers.validate_python(text)
        except ValidationError:
            continue
        assert 1 <= len(taken) <= 100
        assert taken == taken.strip()
        assert "\0" not in taken


@pytest.mark.parametrize(
    "text",
    ["", "   ", "S/N:", "\u200b", "**", "]E05901234123457", "(21)", "a\0b", "A" * 101, "\ufdfa" * 8, "A" * 500, "a(b)"],
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        SERIAL.validate_python(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("T4E668C836O", "T4E668C8360"),
        ("00123", "123"),
        ("SN12345", "12345"),
        ("21T4E668", "T4E668"),
        ("ST4E668", "T4E668"),
        ("T4E-668", "T4E668"),
        ("A.1", "A1"),
        ("SERIAL1", "1"),
    ],
)
def test_two_labels_stay_two(one: str, other: str) -> None:
    assert serial(one) != serial(other)
    assert product_number(one) != product_number(other)


def test_a_colon_cannot_move_from_the_serial_to_the_product_number() -> None:
    with pytest.raises(ValidationError):
        PRODUCT_NUMBER.validate_python("83Z52AA:T4")


def test_an_overlong_text_in_a_record_stays_as_it_is() -> None:
    assert serial("s/n" * 100_000) == "s/n" * 100_000
