import json
from uuid import UUID

import pytest
from pydantic import ValidationError

from libs.events import Event, UnknownEvent, decode, event_types
from libs.events.catalogue import published

RMA = UUID("019cb1e1-7a20-7000-8000-000000000001")
CASE = UUID("019cb1e1-7a20-7000-8000-000000000002")


class BoxMoved(Event, type="polyplus.test-event.box-moved", visibility="internal", subject="box_id"):
    """A fact about a box within a case."""

    box_id: UUID
    case_id: UUID | None = None
    note: str = ""


def test_an_event_knows_its_contract() -> None:
    contract = BoxMoved.contract
    assert (contract.ce_type, contract.topic, contract.visibility) == (
        "polyplus.test-event.box-moved.v1",
        "test-event.events",
        "internal",
    )


def test_the_key_is_the_case_where_there_is_one_and_the_subject_otherwise() -> None:
    assert BoxMoved(box_id=RMA, case_id=CASE).key == CASE
    assert BoxMoved(box_id=RMA).key == RMA
    assert BoxMoved(box_id=RMA, case_id=CASE).subject == RMA


def test_an_event_never_changes() -> None:
    event = BoxMoved(box_id=RMA)
    with pytest.raises(ValidationError, match="frozen"):
        event.note = "later"  # type: ignore[misc]


def test_a_field_that_a_newer_producer_added_is_ignored() -> None:
    data = json.dumps({"box_id": str(RMA), "added_later": 1}).encode()
    assert decode("polyplus.test-event.box-moved.v1", data) == BoxMoved(box_id=RMA)


def test_a_type_without_a_contract_is_named() -> None:
    with pytest.raises(UnknownEvent, match="nobody-knows"):
        decode("polyplus.test-event.nobody-knows.v1", b"{}")


def test_data_that_breaks_the_contract_is_refused() -> None:
    with pytest.raises(ValidationError, match="box_id"):
        decode("polyplus.test-event.box-moved.v1", b"{}")


def test_a_subject_has_to_be_a_field() -> None:
    with pytest.raises(TypeError, match="'lid_id' is not one of its fields"):
        type("LidLost", (Event,), {}, type="polyplus.test-event.lid-lost", visibility="public", subject="lid_id")
    assert "polyplus.test-event.lid-lost.v1" not in event_types()


def test_a_type_is_defined_once() -> None:
    with pytest.raises(TypeError, match=r"box-moved\.v1 is defined twice"):

        class BoxMovedAgain(Event, type="polyplus.test-event.box-moved", visibility="internal", subject="box_id"):
            box_id: UUID


def test_the_promises_are_those_in_the_brackets_at_the_docstring_s_end() -> None:
    class BoxOpened(Event, type="polyplus.test-event.box-opened", visibility="internal", subject="box_id"):
        """A box (S1) was
        opened (S2, C3)."""

        box_id: UUID

    assert BoxOpened.contract.promises == ("S2", "C3")
    assert BoxMoved.contract.promises == ()


def test_an_event_made_for_a_test_is_not_published() -> None:
    assert BoxMoved.contract.ce_type in event_types()
    assert BoxMoved.contract.ce_type not in published()
