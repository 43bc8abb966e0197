"""The demo data says what it means: every id stands once, and whatever is named stands before it is named."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from deploy.local import demo
from deploy.local.demo.load import filled, tables
from deploy.local.environment import ROLES
from services.gateway.routes import owner

FILES = sorted(Path(demo.__file__).parent.glob("*.toml"))
ENTRIES = [(resource, row) for path in FILES for resource, rows in tables(path).items() for row in rows]


def ids(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every UUID in an entry with the name it stands under."""
    match value:
        case dict():
            for key, each in value.items():
                yield from ids(each, key)
        case list():
            for each in value:
                yield from ids(each, name)
        case str() if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
            yield name, value


def test_every_entry_has_an_id_of_its_own() -> None:
    assert [id for id, times in Counter(row["id"] for _, row in ENTRIES if "id" in row).items() if times > 1] == []
    assert all(str(UUID(row["id"])) == row["id"] for _, row in ENTRIES if "id" in row)


def test_whatever_is_named_was_loaded_before() -> None:
    known: set[str] = set()
    for _, row in ENTRIES:
        known |= {id for name, id in ids(row) if name == "id"}
        assert [id for name, id in ids(row) if name != "id" and id not in known] == []


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


def test_dates_and_the_environment_are_put_in() -> None:
    row = {
        "starts_on": "{today-30}",
        "terms": [{"ends_on": "{today+365}"}, "{today}"],
        "url": "{env.THERE}",
        "name": "{x}",
    }

    assert filled(row, {"THERE": "http://127.0.0.1"}, date(2026, 3, 1)) == {
        "starts_on": "2026-01-30",
        "terms": [{"ends_on": "2027-03-01"}, "2026-03-01"],
        "url": "http://127.0.0.1",
        "name": "{x}",
    }
