"""What was ever published can be read: a recorded sample of every version of every event."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from libs.events import Event, decode, upcasts
from libs.events.catalogue import published, states
from libs.events.schemas import key_of

SAMPLES = Path(__file__).parent / "samples"
SCHEMAS = Path(__file__).parents[2] / "docs" / "contracts" / "schemas"
STATES = states()
RECORDED = sorted(path.stem for path in SAMPLES.glob("*.json"))
EVENTS = [name for name in RECORDED if name not in STATES]


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def newest(ce_type: str) -> str:
    steps = upcasts()
    while ce_type in steps:
        ce_type = steps[ce_type]
    return ce_type


def test_every_event_and_every_older_version_has_a_sample() -> None:
    assert {*published(), *STATES} - {*RECORDED} == set()
    assert {path.stem for path in SCHEMAS.glob("*.json")} == {*RECORDED}


@pytest.mark.parametrize("ce_type", EVENTS)
def test_a_sample_still_decodes_in_the_newest_version(ce_type: str) -> None:
    event = decode(ce_type, sample(ce_type))
    assert event.contract.ce_type == newest(ce_type)
    assert decode(event.contract.ce_type, event.model_dump_json().encode()) == event


@pytest.mark.parametrize("name", STATES)
def test_a_state_record_still_decodes(name: str) -> None:
    record = STATES[name]
    decoded = record.model_validate_json(sample(name))
    # what came to it since is not in it
    assert set(json.loads(sample(name))) <= set(decoded.model_dump(mode="json"))
    assert record.model_validate_json(decoded.model_dump_json()) == decoded


@pytest.mark.parametrize("name", RECORDED)
def test_a_sample_fits_its_recorded_schema(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(sample(name)))


@pytest.mark.parametrize("event", published().values(), ids=published())
def test_subject_and_key_are_ids_that_every_event_has(event: type[Event]) -> None:
    """An aggregate's key never changes, so it cannot be a field that may be missing."""
    for field in {event.contract.subject, key_of(event).split()[-1]}:
        assert event.model_fields[field].annotation is UUID
        assert event.model_fields[field].is_required()
