"""The demo data says what it means: every natural key stands once, and whatever is named stands before it is named."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from deploy.local import demo
from deploy.local.demo.load import KEYS, REFERENCE, filled, natural_key, tables
from deploy.local.environment import ROLES
from services.gateway.routes import owner

FILES = sorted(Path(demo.__file__).parent.glob("*.toml"))
ENTRIES = [(resource, row) for path in FILES for resource, rows in tables(path).items() for row in rows]


def references(value: Any) -> Iterator[tuple[str, str]]:
    """What an entry names: the resource and the natural key."""
    match value:
        case dict():
            for each in value.values():
                yield from references(each)
        case list():
            for each in value:
                yield from references(each)
        case str() if named := REFERENCE.match(value):
            yield named[1], named[2]


def test_no_two_entries_have_the_same_natural_key() -> None:
    found = Counter((resource, natural_key(resource, row)) for resource, row in ENTRIES)
    assert [key for key, times in found.items() if times > 1] == []


def test_whatever_is_named_was_loaded_before_and_is_one() -> None:
    known: Counter[tuple[str, str]] = Counter()
    for path in FILES:
        for resource, rows in tables(path).items():
            assert [named for named in references(rows) if known[named] != 1] == []
            known.update((resource, str(row.get(KEYS[resource][-1]))) for row in rows)


def test_no_id_stands_in_the_files() -> None:
    text = "".join(path.read_text("utf-8") for path in FILES)
    assert re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) == []


def test_every_unit_says_its_firmware_and_whether_that_is_invented() -> None:
    said = [line for path in FILES for line in path.read_text("utf-8").splitlines() if line.startswith("firmware = ")]
    assert all(row.get("firmware") for resource, row in ENTRIES if resource == "registrations")
    assert [line for line in said if not line.partition(" # ")[2]] == []


def test_no_serial_is_used_twice() -> None:
    serials = [row["serial"] for resource, row in ENTRIES if resource == "registrations"]
    assert len(set(serials)) == len(serials)


def test_every_role_but_the_first_admin_gets_a_client() -> None:
    assert sorted(row["role"] for resource, row in ENTRIES if resource == "clients") == sorted({*ROLES} - {"admin"})


def test_the_gateway_knows_every_resource() -> None:
    assert {owner(f"/v1/{resource}") for resource, _ in ENTRIES} >= {
        "entitlements",
        "rma",
        "onsite",
        "escalation",
        "ecps",
    }


def test_ids_dates_and_the_environment_are_put_in() -> None:
    row = {
        "starts_on": "{today-30}",
        "terms": [{"ends_on": "{today+365}"}, "{today}"],
        "url": "{env.THERE}",
        "name": "{x}",
        "site_ids": ["{sites: Trụ sở: Quận 1}"],
    }

    assert filled(row, {"THERE": "http://127.0.0.1"}, date(2026, 3, 1), {"sites": {"Trụ sở: Quận 1": "7"}}) == {
        "starts_on": "2026-01-30",
        "terms": [{"ends_on": "2027-03-01"}, "2026-03-01"],
        "url": "http://127.0.0.1",
        "name": "{x}",
        "site_ids": ["7"],
    }
