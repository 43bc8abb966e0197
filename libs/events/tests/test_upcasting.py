"""An event that went through three versions: what was written under the first is read as the third."""

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from libs.events import Event, decode, drop, event_types, move, newest, since, upcast, upcasts

CRATE = UUID("019cb1e1-7a20-7000-8000-000000000003")
V1, V2, V3 = (f"polyplus.test-upcast.crate-weighed.v{version}" for version in (1, 2, 3))


class CrateWeighed(
    Event, type="polyplus.test-upcast.crate-weighed", version=3, visibility="internal", subject="crate_id"
):
    """v1 said kilograms, v2 grams under another name, v3 names the scale."""

    crate_id: UUID
    weight_grams: int
    scale: str


@upcast(V1, V2)
def kilograms_became_grams(data: dict[str, Any]) -> dict[str, Any]:
    return {"crate_id": data["crate_id"], "weight_grams": data["kilograms"] * 1000}


@upcast(V2, V3)
def the_scale_has_a_name(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "scale": "unknown"}


@pytest.mark.parametrize(
    ("ce_type", "data", "scale"),
    [
        (V1, {"kilograms": 2}, "unknown"),
        (V2, {"weight_grams": 2000}, "unknown"),
        (V3, {"weight_grams": 2000, "scale": "dock 4"}, "dock 4"),
    ],
)
def test_every_version_is_read_as_the_newest(ce_type: str, data: dict[str, Any], scale: str) -> None:
    event = decode(ce_type, json.dumps({"crate_id": str(CRATE), **data}).encode())
    assert event == CrateWeighed(crate_id=CRATE, weight_grams=2000, scale=scale)


def test_an_old_version_with_broken_data_is_refused() -> None:
    with pytest.raises(ValidationError, match="crate_id"):
        decode(V2, json.dumps({"weight_grams": 1, "crate_id": "no id"}).encode())


def test_only_the_newest_version_is_a_class() -> None:
    assert V3 in event_types()
    assert {V1, V2} & event_types().keys() == set()
    assert upcasts()[V1] == V2


def test_a_version_is_upcast_in_one_way_only() -> None:
    with pytest.raises(TypeError, match=r"crate-weighed\.v1 is upcast twice"):
        upcast(V1, V3)(the_scale_has_a_name)


class ParcelTaken(
    Event, type="polyplus.test-upcast.parcel-taken", version=3, visibility="internal", subject="parcel_id"
):
    """v1 said who took it, v2 by an id, v3 what of it is to be signed by which side."""

    parcel_id: UUID
    taker_id: UUID | None = None


since(ParcelTaken, 2, move("taker.id", "taker_id"), drop("taker"))
since(ParcelTaken, 3, drop("signatures.name", "place.door.code"))


@pytest.mark.parametrize(
    ("version", "data", "given_out"),
    [
        (1, {"taker": {"id": str(CRATE), "name": "An"}, "n": 1}, {"taker_id": str(CRATE), "n": 1}),
        (1, {"taker": {"id": None, "name": "An"}}, {}),
        (1, {"taker": None}, {}),
        (1, {}, {}),
        (2, {"signatures": [{"side": "customer", "name": "An"}, {}]}, {"signatures": [{"side": "customer"}, {}]}),
        (2, {"place": {"door": {"code": "17", "n": 1}}}, {"place": {"door": {"n": 1}}}),
        (2, {"place": {"door": None}, "signatures": "none"}, {"place": {"door": None}, "signatures": "none"}),
        (3, {"taker": "as it is told"}, {"taker": "as it is told"}),
    ],
)
def test_what_is_dropped_or_moved_is_a_line_for_each_version(
    version: int, data: dict[str, Any], given_out: dict[str, Any]
) -> None:
    name, before = ParcelTaken.contract.name, json.dumps(data)
    assert newest(f"{name}.v{version}", data) == (f"{name}.v3", given_out)
    assert json.dumps(data) == before


def test_a_moved_id_is_decoded() -> None:
    data = json.dumps({"parcel_id": str(CRATE), "taker": {"id": str(CRATE), "name": "An"}}).encode()
    assert decode("polyplus.test-upcast.parcel-taken.v1", data) == ParcelTaken(parcel_id=CRATE, taker_id=CRATE)
