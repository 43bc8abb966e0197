"""Every service has the same rooms, and in each room stands what belongs there."""

import re
from pathlib import Path

import pytest

from deploy.local.environment import with_credentials
from deploy.local.members import CALLED
from deploy.services import ENTRIES, SERVICES

ROOT = Path(__file__).parents[2]
_ROUTER = re.compile(r"^router = Router\(", re.MULTILINE)
_COMMAND = re.compile(r"^class \w+\((?:\w+, )*Command\)", re.MULTILINE)
_DOOR = "gateway"
"""It has the rooms that a door needs."""
each_service = pytest.mark.parametrize("name", [name for name in SERVICES if name != _DOOR])


def written(name: str, *rooms: str) -> list[Path]:
    """The service's own files, or those of these rooms, without tests and migrations."""
    top = ROOT / "services" / name
    files = [f for f in top.rglob("*.py") if not {"tests", "migrations"} & set(f.relative_to(top).parts)]
    return [f for f in files if f.name != "__init__.py" and (not rooms or f.relative_to(top).parts[0] in rooms)]


@each_service
def test_what_a_caller_can_do_has_a_route_and_what_the_service_does_by_itself_has_none(name: str) -> None:
    texts = {f.name: f.read_text() for f in written(name, "use_cases")}
    without = [name for name, text in texts.items() if not _ROUTER.search(text) and not _COMMAND.search(text)]
    assert without == [], "no command and no route: a reaction, a read, or a part of the model"
    assert [f.name for f in written(name, "reactions") if _ROUTER.search(f.read_text())] == []


@each_service
def test_a_handler_says_which_fact_leads_to_which_reaction_and_no_more(name: str) -> None:
    [handlers] = written(name, "handlers.py")
    assert re.findall(r"^ *(?:async )?def |^ *if |^ *for ", handlers.read_text(), re.MULTILINE) == []


def test_the_formatter_lays_out() -> None:
    laid_out_by_hand = [f for f in (ROOT / "services").rglob("*.py") if "# fmt: skip" in f.read_text()]
    assert [str(f.relative_to(ROOT)) for f in laid_out_by_hand] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    files = [f for top in ("libs", "services", "deploy", "tests") for f in (ROOT / top).rglob("*.py")]
    assert [str(f.relative_to(ROOT)) for f in files if len(f.read_text().splitlines()) > 400] == []


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_is_told_a_new_stack_knows(name: str) -> None:
    """Addresses come with the ports; the rest is made at the first start."""
    made = {each.removeprefix("POLYPLUS_") for each in with_credentials({})}
    others = {told for told in ENTRIES[name].told if not told.endswith("_URL") and told != "SANDBOX_PEERS"}
    assert {CALLED.get(told, told) for told in others} - made == set()
