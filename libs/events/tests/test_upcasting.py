"""An event that went through three versions: what was written under the first is read as the third."""

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from libs.events import Event, decode, event_types, upcast, upcasts

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
