"""Which types of events there are, who may see them, and what is given out of an old one: what the contracts say."""

from collections.abc import Sequence
from typing import Any

from libs.events import Visibility, newest, read_as, upcasts
from libs.events.catalogue import published

_CURRENT: dict[str, Visibility] = {ce_type: event.contract.visibility for ce_type, event in published().items()}

UNREADABLE = "data_base64"
"""What alone stands in the data of a record that could not be read: its bytes."""


def visibility_of(ce_type: str) -> Visibility:
    """An old version is as visible as what it is read as; a type without a contract is for the staff alone."""
    return _CURRENT.get(read_as(ce_type), "internal")


def known_types(begins: Sequence[str], *, public_only: bool) -> list[str] | None:
    """The types whose newest version begins with one of these texts, old versions too, sorted; None when that is every type.

    The name of an old version is asked for its newest. A type without a contract is among them only when its whole name is asked for.
    """
    known = {each for each in (*_CURRENT, *upcasts()) if not public_only or visibility_of(each) == "public"}
    asked = known if public_only else known | set(begins)
    wanted = tuple(map(read_as, begins))
    found = {each for each in asked if read_as(each).startswith(wanted)}
    return None if found >= known else sorted(found)


def of_an_older_version(ce_type: str, data: Any) -> tuple[str, dict[str, Any]] | None:
    """Type and data in the newest version; None where they are of that, or never were of theirs."""
    if read_as(ce_type) == ce_type or not isinstance(data, dict) or data.keys() == {UNREADABLE}:
        return None
    try:
        return newest(ce_type, data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def given_out(ce_type: str, data: Any) -> tuple[str, Any]:
    """Type and data in the newest version, so that what a version has dropped is not told.

    Of a record that never was of its old version nothing is told but its type: nobody knows what stands in it.
    """
    if read_as(ce_type) == ce_type:
        return ce_type, data
    return of_an_older_version(ce_type, data) or (read_as(ce_type), None)
