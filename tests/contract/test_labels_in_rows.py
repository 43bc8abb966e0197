"""Rows from before labels had one form have it after the migration, whatever else they hold."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate

_FILL: dict[str, Callable[[], Any]] = {
    "uuid": lambda: str(uuid4()), "text": lambda: str(uuid4()), "bigint": lambda: 0, "boolean": lambda: True, "jsonb": dict,
    "timestamp with time zone": lambda: "2026-01-05T08:00:00Z", "date": lambda: "2026-01-05", "double precision": lambda: 0.0,
}  # fmt: skip
_UNIT = {"product_number": "83z52aa", "serial": "S/N: t4e 668"}
_IN_FORM = {"product_number": "83Z52AA", "serial": "T4E668"}
CASES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    ("cases", "0004", "cases", {**_UNIT, "external_identifiers": []}, _IN_FORM),
    ("cases", "0004", "problems", {"product_numbers": ["83z52aa"]}, {"product_numbers": ["83Z52AA"]}),
    (
        "rma", "0005", "rmas",
        {**_UNIT, "shipped_serial": "a1", "return_serial": None, "received_serial": "a 2", "installation": {"by": "c", "new_serial": "a3"}},
        {**_IN_FORM, "shipped_serial": "A1", "return_serial": None, "received_serial": "A2", "installation": {"by": "c", "new_serial": "A3"}},
    ),
    ("rma", "0005", "parts", {"fits": [{"product_number": "83z"}]}, {"fits": [{"product_number": "83Z"}]}),
    (
        "rma", "0005", "case_files",
        {**_UNIT, "coverage": {"product": _UNIT}, "diagnoses": {"x": {"visits": [{"installed": [{"serial_in": "a1"}]}]}}},
        {**_IN_FORM, "coverage": {"product": _IN_FORM}, "diagnoses": {"x": {"visits": [{"installed": [{"serial_in": "A1"}]}]}}},
    ),
    ("onsite", "0004", "work_orders", _UNIT, _IN_FORM),
    ("onsite", "0004", "appointments", {"installed": [{"serial_out": "a1"}]}, {"installed": [{"serial_out": "A1"}]}),
    ("onsite", "0004", "case_files", {"parts": {"x": {"serial": "a1"}}}, {"parts": {"x": {"serial": "A1"}}}),
]  # fmt: skip


@pytest.mark.parametrize("service", ["cases", "rma", "onsite"])
async def test_every_row_has_its_labels_in_form(service: str, postgres_url: str) -> None:
    of_service = [case for case in CASES if case[0] == service]
    made = await create_service_database(postgres_url, service, prefix="before_")
    await migrate(service, made.owner_url, of_service[0][1])
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    ids = [await a_row(owner, table, before) for _, _, table, before, _ in of_service]

    await migrate(service, made.owner_url)

    for id, (_, _, table, _, after) in zip(ids, of_service, strict=True):
        row = json.loads(await owner.fetchval(f"SELECT to_jsonb(t) FROM {table} t WHERE id = $1", id))
        assert {name: row[name] for name in after} == after, table
    await owner.close()


async def a_row(owner: asyncpg.Connection, table: str, values: dict[str, Any]) -> str:
    """A row of which only these values matter; all else is whatever its column takes."""
    columns = await owner.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1 AND is_nullable = 'NO'",
        table,
    )
    row = {column["column_name"]: _FILL[column["data_type"]]() for column in columns} | values
    await owner.execute(
        f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1::jsonb)", json.dumps(row)
    )
    return str(row["id"])
