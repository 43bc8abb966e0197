"""A contract broken in each way there is, and the checker's word on it."""

from copy import deepcopy
from datetime import date
from itertools import count
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model

from libs.events import Event
from libs.events.compatibility import breaks
from libs.events.schemas import Schema, recorded_schemas, schema_of

counted = count(1)
PUBLISHED = recorded_schemas()


class Box(BaseModel):
    label: str
    weight_grams: int | None = None


class FlatBox(BaseModel):
    weight_grams: int | None = None


class BoxWithLid(BaseModel):
    label: str
    weight_grams: int | None = None
    lid: str | None = None


class HeavyBox(BaseModel):
    label: str
    weight_grams: Annotated[int, Field(ge=1000)] | None = None


FIELDS: dict[str, Any] = {
    "crate_id": (UUID, ...),
    "place": (str, ...),
    "note": (str | None, None),
    "state": (Literal["open", "shut"], ...),
    "due": (date | None, None),
    "count": (int, 1),
    "box": (Box | None, None),
    "boxes": (list[Box], ...),
    "tags": (dict[str, str], {}),
}


def contract(subject: str = "crate_id", visibility: str = "public", **changes: Any) -> Schema:
    """The schema of one event; a field changed to None is taken out. No two are registered under one type."""
    fields = {name: spec for name, spec in (FIELDS | changes).items() if spec is not None}
    kept = {"type": f"polyplus.test.crate-packed-{next(counted)}", "subject": subject, "visibility": visibility}
    return schema_of(create_model("CratePacked", __base__=Event, __cls_kwargs__=kept, **fields))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"place": None}, "place was removed or renamed"),
        ({"note": None, "remark": (str | None, None)}, "note was removed or renamed"),
        ({"note": (str, ...)}, "note is required and was optional"),
        ({"count": (int, ...)}, "count is required and was optional"),
        ({"weight": (int, ...)}, "weight is required and was not there"),
        ({"note": (str, "")}, "note no longer allows null"),
        ({"place": (int, ...)}, "place was string and is integer"),
        ({"place": (UUID, ...)}, "place is narrower: format uuid"),
        ({"place": (Annotated[str, Field(pattern="^[A-Z]+$")], ...)}, "place is narrower: pattern ^[A-Z]+$"),
        ({"place": (Annotated[str, Field(max_length=9)], ...)}, "place is narrower: maxLength 9"),
        ({"place": (Literal["dock"], ...)}, "place no longer allows any other value"),
        ({"count": (Annotated[int, Field(ge=2)], 2)}, "count is narrower: minimum 2"),
        ({"state": (Literal["open"], ...)}, "state no longer allows 'shut'"),
        ({"state": (Literal["open", "closed"], ...)}, "state no longer allows 'shut'"),
        ({"due": (Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None, None)}, "due is narrower"),
        ({"box": (FlatBox | None, None)}, "box.label was removed or renamed"),
        ({"box": (HeavyBox | None, None)}, "box.weight_grams is narrower: minimum 1000"),
        ({"boxes": (list[FlatBox], ...)}, "boxes[].label was removed or renamed"),
        ({"boxes": (Annotated[list[Box], Field(min_length=1)], ...)}, "boxes is narrower: minItems 1"),
        ({"tags": (dict[str, int], {})}, "tags[] was string and is integer"),
        ({"visibility": "internal"}, "the visibility changes from public to internal"),
        ({"subject": "place"}, "the subject changes from crate_id to place"),
        ({"case_id": (UUID | None, None)}, "the key changes from crate_id to case_id"),
    ],
)
def test_a_breaking_change_is_refused_and_named(change: dict[str, Any], reason: str) -> None:
    assert reason in "\n".join(breaks(contract(), contract(**change)))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"colour": (str | None, None)},
        {"colour": (str, "grey")},
        {"state": (Literal["open", "shut", "lost"], ...)},
        {"place": (str | None, None)},
        {"count": (float, 1)},
        {"due": (date | str | None, None)},
        {"box": (BoxWithLid | None, None)},
        {"boxes": (list[BoxWithLid], ...)},
    ],
)
def test_an_additive_change_passes(change: dict[str, Any]) -> None:
    assert breaks(contract(), contract(**change)) == []


def test_what_was_internal_does_not_become_public_in_place() -> None:
    """The records of yesterday were written for our own eyes."""
    assert breaks(contract(visibility="internal"), contract()) == ["the visibility changes from internal to public"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_contract_keeps_itself(name: str) -> None:
    assert breaks(PUBLISHED[name], deepcopy(PUBLISHED[name])) == []


@given(data=st.data())
def test_no_field_of_a_published_contract_can_go_or_become_required_unseen(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PUBLISHED)))
    field = data.draw(st.sampled_from(sorted(PUBLISHED[name]["properties"])))
    without, forced = deepcopy(PUBLISHED[name]), deepcopy(PUBLISHED[name])
    del without["properties"][field]
    assert f"{field} was removed or renamed" in breaks(PUBLISHED[name], without)

    was_optional = field not in forced["required"]
    forced["required"] = [*forced["required"], field]
    assert (f"{field} is required and was optional" in breaks(PUBLISHED[name], forced)) == was_optional


@given(data=st.data())
def test_an_optional_field_can_be_added_to_any_published_contract(data: st.DataObject) -> None:
    before = PUBLISHED[data.draw(st.sampled_from(sorted(PUBLISHED)))]
    after = deepcopy(before)
    after["properties"]["added_later"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert breaks(before, after) == []
    assert breaks(after, before) == ["added_later was removed or renamed"]
