"""What can be kept in step with: its rows say when they were last changed, its lists what changed since, and no code says it itself."""

import ast
import importlib
from pathlib import Path

import asyncpg
import pytest

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from deploy.services import SERVICES
from libs.store import Entity
from tests.contract.test_labels_in_rows import a_row
from tests.support.lists import TABLES, document, lists, page_items
from tests.support.services import service

KEPT = {
    "cases", "problems", "rmas", "escalations", "engagements", "work_orders", "registrations", "contracts", "licences", "sites",
    "contacts", "people", "announcements",
}  # fmt: skip
DOCUMENTS = {name: document(service(name)) for name in SERVICES}


def test_what_integrators_keep_says_when_it_was_changed() -> None:
    assert {
        cls.table.name for cls in Entity.__subclasses__() if cls.is_dated and ".tests." not in cls.__module__
    } == KEPT


def test_its_lists_are_asked_for_what_changed_since_and_its_answers_say_when() -> None:
    found = set()
    for name in SERVICES:
        for path, parameters in lists(DOCUMENTS[name]).items():
            asked = {each["name"]: each["schema"] for each in parameters}
            says = all("updated_at" in item["properties"] for item in page_items(path, DOCUMENTS[name]))
            if "updated_since" in asked:
                assert {"updated_at", "-updated_at"} <= {*asked["sort"]["enum"]}, path
                assert says, path
                found.add(TABLES.get(path) or path.rpartition("/")[2])
    assert found == KEPT


@pytest.mark.parametrize("name", SERVICES)
def test_only_the_store_says_when_a_row_was_changed(name: str) -> None:
    place = Path(importlib.import_module(f"services.{name}").__path__[0])
    written = [
        f"{file}:{node.lineno}"
        for file in sorted(place.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == "updated_at" and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr" and "updated_at" in ast.dump(node))
    ]
    assert written == []


async def test_rows_of_before_get_a_time_without_being_written_anew(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "rma", prefix="changes_")
    await migrate("rma", made.owner_url, "0008")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    await owner.execute("UPDATE app_clock SET time_offset = interval '3 days'")
    before = await a_row(owner, "rmas", {})
    file = await owner.fetchval("SELECT pg_relation_filenode('rmas')")
    began = await owner.fetchval("SELECT app_now()")
    await migrate("rma", made.owner_url, "0009")
    assert await owner.fetchval("SELECT pg_relation_filenode('rmas')") == file
    at = await owner.fetchval("SELECT updated_at FROM rmas WHERE id = $1", before)
    assert began < at < await owner.fetchval("SELECT app_now()")
    names = await owner.fetchval(
        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
        " WHERE table_name = 'rmas' AND column_name NOT IN ('id', 'cause_id', 'number', 'updated_at')"
    )
    beside = await owner.fetchval(
        f"INSERT INTO rmas (id, cause_id, number, {names}) SELECT gen_random_uuid(), gen_random_uuid(), 'beside', {names} FROM rmas"
        " RETURNING updated_at"
    )
    assert at < beside
    await owner.close()
