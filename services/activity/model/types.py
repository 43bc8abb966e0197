"""Which types of events there are, and who may see them: what the contracts say."""

from collections.abc import Sequence

from libs.events import Visibility, read_as, upcasts
from libs.events.catalogue import published

_CURRENT: dict[str, Visibility] = {ce_type: event.contract.visibility for ce_type, event in published().items()}


def visibility_of(ce_type: str) -> Visibility:
    """An old version is as visible as what it is read as; a type without a contract is for the staff alone."""
    return _CURRENT.get(read_as(ce_type), "internal")


def known_types(begins: Sequence[str], *, public_only: bool) -> list[str] | None:
    """The types that begin with one of these texts, old versions too, sorted; None when that is every type.

    A type without a contract is among them only when its whole name is asked for.
    """
    known = {each for each in (*_CURRENT, *upcasts()) if not public_only or visibility_of(each) == "public"}
    asked = known if public_only else known | set(begins)
    found = {each for each in asked if each.startswith(tuple(begins))}
    return None if found >= known else sorted(found)
