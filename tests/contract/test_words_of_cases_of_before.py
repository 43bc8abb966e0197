"""Cases and notes from before the search are found by it after the migration."""

from uuid import UUID, uuid4

import asyncpg

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.store import Database, Scope
from services.cases.model.case_texts import looked_for
from tests.contract.test_labels_in_rows import a_row

_FOUND = "SELECT id FROM cases_that_say($1::text::tsquery, NULL, NULL, NULL, NULL, NULL, 10)"


async def test_what_a_case_and_its_notes_said_before_is_found(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "cases", prefix="words_before_")
    await migrate("cases", made.owner_url, "0020")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    account = uuid4()
    told = {"text": "Đã thay đèn", "by": "engineer:1", "at": "2026-01-05T08:00:00Z"}
    says = {
        "number": "CASE-2026-000007",
        "serial": "T4E-1",
        "description": "Máy không lên",
        "resolution": told,
        "external_identifiers": [],
    }
    id = await a_row(owner, "cases", {"account_id": str(account), **says})
    note = {"account_id": str(account), "case_id": id}
    await a_row(owner, "notes", {**note, "text": "a secret of ours", "visibility": "internal"})
    await a_row(owner, "notes", {**note, "text": "Thank you", "visibility": "public"})

    await migrate("cases", made.owner_url)
    await owner.close()

    database = await Database.connect(made.runtime_url, size=1)
    for scope, private in [(Scope("staff"), [UUID(id)]), (Scope("tenant", frozenset({account})), [])]:
        async with database.transaction(scope) as tx:

            async def ids(q: str, tx: asyncpg.Connection = tx.connection) -> list[UUID]:
                return [row["id"] for row in await tx.fetch(_FOUND, looked_for(q))]

            for q in ("may khong", "đèn", "t4e-1", "CASE-2026-000007", "den thank"):
                assert await ids(q) == [UUID(id)], q
            assert await ids("secret") == private
    for scope in (Scope("tenant", frozenset({uuid4()})), Scope("tenant"), Scope("worker")):
        async with database.transaction(scope) as tx:
            assert await tx.connection.fetch(_FOUND, looked_for("may khong")) == []
    await database.close()
