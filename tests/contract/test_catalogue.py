"""The rules of the house for every contract, whoever writes it."""

import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from libs.events import Event, catalogue
from libs.events.__main__ import Records
from libs.events.catalogue import published
from libs.events.schemas import schema_of
from tests.support import promises

EVENTS = published()
PROMISES = tomllib.loads(promises.PROMISES.read_text("utf-8"))
each_event = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)


def test_what_is_recorded_is_up_to_date_and_kept() -> None:
    records = Records()
    assert records.broken() == []
    assert records.stale() == []


def test_every_file_with_events_is_in_the_catalogue() -> None:
    folder = Path(catalogue.__file__).parent
    writing = {
        path.stem
        for path in folder.glob("*.py")
        if re.search(r"^class \w+\(\s*Event,", path.read_text("utf-8"), re.MULTILINE)
    }
    assert writing == {module.__name__.rpartition(".")[2] for module in catalogue.CONTRACTS}


@each_event
def test_the_type_is_the_class_name_in_the_past_tense_of_its_service(event: type[Event]) -> None:
    kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", event.__name__).lower()
    service = event.__module__.rpartition(".")[2].split("_")[0]
    assert re.sub(r"-v\d+$", "", kebab) == event.contract.name.rpartition(".")[2]
    assert event.contract.name.split(".")[1] == service


@each_event
def test_the_docstring_ends_with_promises_of_the_product(event: type[Event]) -> None:
    assert event.contract.promises
    assert set(event.contract.promises) <= PROMISES.keys()


@pytest.mark.parametrize(
    "event",
    [
        event
        for event in EVENTS.values()
        if event.contract.topic in {"rma.events", "onsite.events", "ecps.events"}
        and event.contract.subject != "partner_id"
    ],
)
def test_what_goes_back_to_a_diagnosis_says_to_which(event: type[Event]) -> None:
    assert {"case_id", "diagnosis_id"} <= event.model_fields.keys()


@each_event
def test_whom_we_call_is_no_one_else_s_business(event: type[Event]) -> None:
    assert event.contract.visibility == "internal" or "Recipient" not in schema_of(event).get("$defs", {})


def test_a_contract_needs_nothing_but_pydantic() -> None:
    loaded = {name.partition(".")[0] for name in _imported_by("libs.events.__main__")}
    assert loaded <= sys.stdlib_module_names | {
        "libs", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection",
    }  # fmt: skip


def _imported_by(module: str) -> set[str]:
    folder = Path(import_module(module).__file__ or "").parent
    lines = (line for path in folder.glob("*.py") for line in path.read_text("utf-8").splitlines())
    return {found[1] for line in lines if (found := re.match(r"(?:from|import) ([\w.]+)", line))}
