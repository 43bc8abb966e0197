"""Serials and product numbers: the one form in which every spelling of a label is kept, looked up, told and keyed.

What scanners and people add is told from what the label says:

- NFKC and upper case, letters compared as Unicode compares them without case: full-width `t4e6` and `T4E6` are one label.
- No blanks, control characters or invisible ones (zero width, soft hyphen, byte order mark), wherever they stand; typographic
  dashes are hyphens; no quotes and no asterisks (Code 39's) around it.
- No symbology identifier before it (`]A0`, ISO/IEC 15424). Of a GS1 element string only the serial, which follows (21): as it
  is read, `(01)…(21)…`, and as a scanner sends it behind a GS1 identifier, `]C121…`, `]d201…21…`.
- No words for what it is before it: `S/N`, `SN:`, `SN `, `Serial no.`, `Số sê-ri:`; `P/N` and the like of a product number.

What may tell two labels apart stays: letters and digits that look alike (`O`, `0`), hyphens, leading zeros, `SN` with neither a
mark nor a blank behind it, and the data identifiers `S`, `1P` and `21`, which could be the label's own. Both functions are
total and idempotent; a text that has nothing of a label becomes empty, and one longer than `MAX_WRITTEN` stays as it is.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator

MAX_WRITTEN = 400
_IN_FORM = re.compile(r"[0-9A-Z]+(?:-[0-9A-Z]+)*")  # as nearly all are; nothing below changes such a text
_DASHES = re.compile("[\u058a\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_AROUND = " ='\"`*\u00ab\u00bb\u2018\u2019\u201c\u201d"
_GS = "\x1d"  # ends a field of a GS1 element string
_GS1_READ = re.compile(r"(?:\(\d{2,4}\)[^()]*)*?\(21\)([^()]+)(?:\(\d{2,4}\)[^()]*)*")
_GS1_SENT = re.compile(rf"\](?:C1|D2|Q3)(?:01\d{{14}})?21([^{_GS}]+)(?:{_GS}.*)?")
_SYMBOLOGY = r"\](?!C1|D2|Q3|E0)[A-Z][0-9A-Z]"  # E0 cannot be told from e0, which is GS1's, once it is in upper case
_MARK = r"[\s:=#.]"
_OF_A_SERIAL = rf"S/N|SN(?={_MARK})|SERIAL(?={_MARK})|SỐ\s*SÊ[\s-]?RI|SỐ\s*SERI(?:AL)?(?={_MARK})"
_OF_A_PRODUCT = rf"P/N|PN(?={_MARK})|PRODUCT(?={_MARK})|MÃ\s*SẢN\s*PHẨM"


def _before(words: str) -> re.Pattern[str]:
    """What stands before a label, once or again and again."""
    number = rf"(?:\s*(?:NO|NR|NUMBER)(?={_MARK}))?"
    return re.compile(rf"(?:\s*(?:{_SYMBOLOGY}|(?:{words}){number}{_MARK}*))+")


def _canonical(text: str, *, before: re.Pattern[str], gs1: bool) -> str:
    if _IN_FORM.fullmatch(text) or len(text) > MAX_WRITTEN:
        return text
    while (shorter := _once(text, before, gs1)) != text:  # what is taken away can lay bare what is to be taken away
        text = shorter
    return text


def _once(text: str, before: re.Pattern[str], gs1: bool) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold().upper())
    text = _DASHES.sub("-", "".join(map(_visible, text))).strip(_AROUND)
    if gs1 and (found := _GS1_READ.fullmatch(text) or _GS1_SENT.fullmatch(text)):
        text = found[1]
    if found := before.match(text):
        text = text[found.end() :]
    return "".join(text.split())


def _visible(character: str) -> str:
    if character == _GS or character.isalnum():
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf") or character in _IGNORABLE else character


_IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0\ufe0e\ufe0f"  # invisible, though no format characters
)

serial = partial(_canonical, before=_before(_OF_A_SERIAL), gs1=True)
product_number = partial(_canonical, before=_before(_OF_A_PRODUCT), gs1=False)

Serial = Annotated[str, AfterValidator(serial)]
"""A serial in an event or a state, in canonical form however old the record is. What callers send is held to more: see kit."""
ProductNumber = Annotated[str, AfterValidator(product_number)]
"""A product number likewise."""


def in_form(value: Any) -> Any:
    """A row or a JSON value with every label in it in its form, by the names that rows and events have for them."""
    if isinstance(value, dict):
        return {name: _named(name)(each) for name, each in value.items()}
    return [in_form(each) for each in value] if isinstance(value, list) else value


def _named(name: str) -> Callable[[Any], Any]:
    form = serial if _SERIALS.fullmatch(name) else product_number if _PRODUCT_NUMBERS.fullmatch(name) else None
    return in_form if form is None else partial(_formed, form)


def _formed(form: Callable[[str], str], value: Any) -> Any:
    return [form(each) for each in value] if isinstance(value, list) else value if value is None else form(value)


_SERIALS = re.compile(r"(\w+_)?serial|serials?_(in|out)|serials")
_PRODUCT_NUMBERS = re.compile(r"(\w+_)?product_numbers?")
