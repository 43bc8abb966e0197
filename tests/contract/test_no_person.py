"""Facts name no person and hold no address: ids, and what decides. Names and places travel as state, which can be forgotten."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.events import decode, newest, read_as, upcasts
from libs.events.cases import CaseResolved
from libs.events.catalogue import published
from libs.events.ecps_calls import JointCallHeld
from libs.events.schemas import Schema, schema_of

SAMPLES = Path(__file__).parent / "samples"
SERVICES = Path(__file__).parents[2] / "services"
PERSONAL = {
    "access_notes", "acknowledged_by", "address", "address_lines", "assignee", "author", "called", "consent_given_by", "email", "expert",
    "host", "invitee", "join_url", "label_url", "name", "organiser", "owner", "participant", "participants", "phone", "postal_code",
    "received_by", "return_label_url", "reporter", "signed_off_by", "signer", "street", "verified_by",
}  # fmt: skip
"""What a text is called that says who somebody is, or where."""
ENDINGS = ("_address", "_assignee", "_email", "_name", "_phone")
NO_PERSON = {
    "account.name", "account_name", "partner_name", "resellers.name", "resellers.email", "resellers.phone", "partner_contact.name",
    "partner_contact.email", "partner_contact.phone", "external_identifiers.owner",
}  # fmt: skip
"""Companies, the contact that a company publishes, and a system that gives ids of its own."""
OLDER = sorted(ce_type for ce_type in upcasts() if read_as(ce_type) in published())


def leaves(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """What an event can say: each value's path and its schema."""
    definitions: Schema = schema.get("$defs", {})

    def of(node: Schema, path: str) -> Iterator[tuple[str, Schema]]:
        if "$ref" in node:
            yield from of(definitions[node["$ref"].rpartition("/")[2]], path)
            return
        inner = [*node.get("anyOf", ()), *([node["items"]] if "items" in node else ())]
        properties: Schema = node.get("properties", {})
        for each in inner:
            yield from of(each, path)
        for name, each in properties.items():
            yield from of(each, f"{path}.{name}" if path else name)
        if not inner and not properties:
            yield path, node

    return of(schema, "")


def texts(schema: Schema) -> Iterator[str]:
    """The paths of the texts that are neither ids nor instants nor one of a few words."""
    for path, node in leaves(schema):
        if node.get("type") == "string" and not node.keys() & {"format", "enum", "const"}:
            yield path


def said(data: Any, path: str = "") -> Iterator[str]:
    """The paths of what stands in an event."""
    if isinstance(data, list):
        for each in data:
            yield from said(each, path)
    elif isinstance(data, dict):
        for name, each in data.items():
            yield from said(each, f"{path}.{name}" if path else name)
    else:
        yield path


def personal(paths: Iterator[str]) -> set[str]:
    def names_somebody(path: str) -> bool:
        name = path.rpartition(".")[2]
        return name in PERSONAL or name.endswith(ENDINGS)

    return {path for path in paths if path not in NO_PERSON and names_somebody(path)}


def test_no_fact_has_a_field_for_a_person_or_an_address() -> None:
    found = {
        event.contract.name: names for event in published().values() if (names := personal(texts(schema_of(event))))
    }
    assert found == {}


@pytest.mark.parametrize("ce_type", OLDER)
def test_an_older_version_is_given_out_with_the_fields_of_the_newest_alone(ce_type: str) -> None:
    type, data = newest(ce_type, json.loads((SAMPLES / f"{ce_type}.json").read_text("utf-8")))
    event = published()[read_as(ce_type)]
    assert type == event.contract.ce_type
    assert {*said(data)} - {path for path, _ in leaves(schema_of(event))} == set()


@pytest.mark.parametrize(
    ("ce_type", "moved"),
    [
        (
            "polyplus.devices.device-alert-raised.v1",
            {"contact_id": "contact.contact_id", "language": "contact.language"},
        ),
        *(
            (
                f"polyplus.entitlements.product-{each}.v1",
                {"site_id": "site.site_id", "contact_id": "contact.contact_id"},
            )
            for each in ("registered", "transferred")
        ),
    ],
)
def test_the_ids_that_an_older_version_told_beside_the_names_are_told(ce_type: str, moved: dict[str, str]) -> None:
    data = json.loads((SAMPLES / f"{ce_type}.json").read_text("utf-8"))
    event = decode(ce_type, json.dumps(data).encode()).model_dump(mode="json")
    for field, path in moved.items():
        place, _, name = path.partition(".")
        assert event[field] == data[place][name]


@pytest.mark.parametrize(
    ("sentence", "automatic", "told"),
    [
        ("Repaired on site; An B. Nguyễn signed for it.", True, "Repaired on site; the customer signed for it."),
        ("Đã sửa tại chỗ; An đã ký xác nhận.", True, "Đã sửa tại chỗ; khách hàng đã ký xác nhận."),
        ("The replacement works, An confirms.", True, "The replacement works, the customer confirms."),
        (
            "An xác nhận linh kiện thay thế hoạt động tốt.",
            True,
            "Khách hàng xác nhận linh kiện thay thế hoạt động tốt.",
        ),
        ("The replacement works, An confirms.", False, "The replacement works, An confirms."),
        ("No answer came.", True, "No answer came."),
        (None, True, None),
    ],
)
def test_the_sentence_by_which_a_case_once_resolved_itself_names_nobody(
    sentence: str | None, automatic: bool, told: str | None
) -> None:
    type, data = newest("polyplus.cases.case-resolved.v1", {"resolution": sentence, "automatic": automatic})
    assert (type, data["resolution"]) == (CaseResolved.contract.ce_type, told)


def test_who_installed_a_replacement_was_a_name_once_and_is_an_actor() -> None:
    once = "polyplus.rma.replacement-installed.v1"
    _, data = newest(once, json.loads((SAMPLES / f"{once}.json").read_text("utf-8")))
    assert "by" not in data


def test_of_who_undertook_something_in_a_call_a_side_is_told() -> None:
    actions = [{"what": "look", "owner": "partner"}, {"what": "wait", "owner": "An"}, {"what": "rest"}, None]
    type, data = newest("polyplus.ecps.joint-call-held.v1", {"actions": actions})
    assert type == JointCallHeld.contract.ce_type
    assert data == {"actions": [{"what": "look", "owner": "partner"}, {"what": "wait"}, {"what": "rest"}, None]}
    assert newest("polyplus.ecps.joint-call-held.v1", {"actions": "none"})[1] == {"actions": "none"}


def test_no_sentence_that_we_write_has_a_place_for_a_name() -> None:
    files = sorted(SERVICES.glob("*/model/wording.py"))
    assert files
    places = {place for file in files for place in re.findall(r"\{(\w+)\}", file.read_text("utf-8"))}
    assert places == {
        "component",
        "count",
        "detail",
        "number",
        "partner",
        "previous",
        "queue",
        "serial",
        "text",
        "ticket",
        "time",
        "times",
        "zone",
    }
