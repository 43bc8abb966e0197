"""Commands that make and change an entity."""

from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from libs.kit.fields import Email, Line
from libs.kit.http import Command
from libs.kit.patch import New, Patch
from libs.kit.tests.conftest import Api
from libs.store import Entity, Scope
from libs.store.ids import new_id

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Kept(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    size: int
    shape: str = "round"

    @model_validator(mode="after")
    def _takes_the_shape_that_is_known(self, info: ValidationInfo) -> Self:
        self.shape = (info.context or {}).get("shape", self.shape)
        return self


class Sent(BaseModel):
    size: int


class Box(Entity, table="boxes"):
    code: str
    name: str
    email: str | None
    lids: list[Kept]
    active: bool = True
    created_at: datetime


class BoxFields(Command):
    name: Line
    email: Email | None = None
    lids: list[Sent] = Field(default_factory=list)


class AddBox(New, BoxFields):
    code: Line
    note: Line | None = None


class ChangeBox(Patch, BoxFields, needs=("why",)):
    active: bool
    why: Line


def a_box() -> Box:
    return Box(id=new_id(), code="B", name="a box", email="a@b.example", lids=[Kept(size=1)], created_at=AT)


FIELDS: dict[str, list[Any]] = {
    "name": ["a box", "another"],
    "email": [None, "a@b.example", "c@d.example"],
    "lids": [[], [{"size": 1}], [{"size": 2}]],
    "active": [True, False],
}
bodies = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in FIELDS.items()})


@given(bodies)
def test_what_is_sent_changes_and_is_named_where_it_is_other_than_before(body: dict[str, Any]) -> None:
    box, before = a_box(), a_box()
    changed = ChangeBox.model_validate({**body, "why": "a reason"}).apply_to(box)
    shown = {"lids": [kept.model_dump(include={"size"}) for kept in box.lids]}
    for name in FIELDS:
        was = [{"size": 1}] if name == "lids" else getattr(before, name)
        assert shown.get(name, getattr(box, name)) == body.get(name, was)
        assert (name in changed) == (name in body and body[name] != was)
    assert all(isinstance(lid, Kept) for lid in box.lids)


def test_what_is_kept_as_json_is_read_with_what_is_known() -> None:
    box = a_box()
    cmd = ChangeBox.model_validate({"lids": [{"size": 2}], "why": "a reason"})
    assert cmd.apply_to(box, context={"shape": "square"}) == ["lids"]
    assert [lid.shape for lid in box.lids] == ["square"]


@pytest.mark.parametrize("name", ["name", "lids", "active", "why"])
def test_null_is_refused_where_something_has_to_be_and_says_so_once(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ChangeBox.model_validate({"why": "a reason", name: None})
    [error] = refused.value.errors()
    assert error["loc"] == (name,)
    assert error["msg"] == "This always has a value: null cannot clear it"


def test_all_may_be_left_out_but_what_is_needed() -> None:
    with pytest.raises(ValidationError, match="why"):
        ChangeBox.model_validate({})
    assert ChangeBox.model_validate({"why": "a reason"}).apply_to(a_box()) == []


def test_the_schema_says_what_may_be_left_out_and_what_may_be_null() -> None:
    schema = ChangeBox.model_json_schema()
    assert schema["required"] == ["why"]
    assert {name for name, each in schema["properties"].items() if "anyOf" in each} == {"email"}
    assert not [name for name, each in schema["properties"].items() if "default" in each]
    assert AddBox.model_json_schema()["required"] == ["name", "code"]


async def test_what_is_made_says_what_the_command_says(api: Api) -> None:
    sent = AddBox.model_validate({"code": "B", "name": "a box", "lids": [{"size": 3}], "note": "is no column"})
    async with api.database.transaction(Scope("worker")) as tx:
        box = sent.make(Box, tx, active=False)
        assert (box.code, box.name, box.email, box.active, box.created_at) == ("B", "a box", None, False, tx.now)
        assert box.lids == [Kept(size=3)]
        assert isinstance(box.id, UUID)
        assert await Box.find(box.id, tx) is box
        tx.remove(box)
