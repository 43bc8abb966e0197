"""The command line over a folder of its own: what is recorded, what is refused, what is left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from libs.events.__main__ import Records, main
from libs.events.rma import PartShipped

SHIPPED = PartShipped.contract.ce_type


@pytest.fixture
def records(tmp_path: Path) -> Records:
    made = Records(tmp_path)
    assert main(["record"], made) == 0
    return made


def edit(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


def test_what_was_recorded_is_up_to_date(records: Records) -> None:
    assert main(["check"], records) == 0


def test_a_breaking_change_says_to_make_a_new_version(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = records.schemas / f"{SHIPPED}.json"
    schema = json.loads(recorded.read_text("utf-8"))
    edit(recorded, properties=schema["properties"] | {"driver": {"type": "string"}})
    assert main(["check"], records) == 1
    said = capsys.readouterr().err
    assert said == (
        f"{SHIPPED}: driver was removed or renamed; keep {SHIPPED} as it is recorded "
        f"and make polyplus.rma.part-shipped.v{PartShipped.contract.version + 1} with an upcaster from it\n"
    )


@pytest.mark.parametrize("verb", ["record", "schemas", "asyncapi", "sample"])
def test_nothing_is_recorded_over_a_broken_contract(records: Records, verb: str) -> None:
    recorded = records.schemas / "polyplus.rma.part-teleported.v1.json"
    recorded.write_text((records.schemas / f"{SHIPPED}.json").read_text("utf-8"), "utf-8")
    assert main([verb], records) == 1
    assert recorded.exists()


def test_an_event_that_is_gone_is_missed(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    (records.schemas / f"{SHIPPED}.json").rename(records.schemas / "polyplus.rma.part-teleported.v1.json")
    assert main(["check"], records) == 1
    assert "polyplus.rma.part-teleported.v1: the event was removed or renamed" in capsys.readouterr().err


def test_an_additive_change_is_stale_until_it_is_recorded(records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = records.schemas / f"{SHIPPED}.json"
    schema = json.loads(recorded.read_text("utf-8"))
    edit(recorded, properties={name: node for name, node in schema["properties"].items() if name != "tracking_url"})
    assert main(["check"], records) == 1
    assert capsys.readouterr().err == f"run `python -m libs.events record`: not up to date: {SHIPPED}.json\n"
    assert main(["record"], records) == 0
    assert json.loads(recorded.read_text("utf-8")) == schema


def test_a_recorded_sample_is_never_rewritten(records: Records) -> None:
    kept, lost = records.samples / f"{SHIPPED}.json", records.samples / "polyplus.rma.part-lost.v1.json"
    kept.write_text("{}", "utf-8")
    before = lost.read_text("utf-8")
    lost.unlink()
    assert main(["check"], records) == 1
    assert main(["sample"], records) == 0
    assert (kept.read_text("utf-8"), lost.read_text("utf-8")) == ("{}", before)
