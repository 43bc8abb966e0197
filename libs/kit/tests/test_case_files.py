"""The row of a case, whichever fact comes first."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from libs.kit.case_files import CaseClosedToCommands, case_file
from libs.store import Database, Entity, Scope
from tests.support.tables import lent_database

WORKER = Scope("worker")
CASE, ACCOUNT = uuid4(), uuid4()


class CaseFile(Entity, table="case_files"):
    account_id: UUID | None = None
    words: list[str] = field(default_factory=list)


@dataclass
class Told:
    """An event as a handler sees its envelope."""

    account_id: UUID | None
    event_id: UUID = CASE
    type: str = "polyplus.cases.case-opened.v1"
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    actor: str = "engineer:1"
    traceparent: str | None = None


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with lent_database(postgres_url, CaseFile) as (_, url):
        database = await Database.connect(url, size=2)
        yield database
        await database.close()


@pytest.mark.parametrize("told", [[None, ACCOUNT], [ACCOUNT, None], [None, None, ACCOUNT]])
async def test_a_case_has_one_file_and_its_account_whatever_is_heard_first(
    database: Database, told: list[UUID | None]
) -> None:
    for n, account_id in enumerate(told):
        async with database.transaction(WORKER) as tx:
            tx.cause = Told(account_id)
            case = await case_file(CaseFile, CASE, tx)
            case.words = [*case.words, f"fact {n}"]
    async with database.transaction(WORKER) as tx:
        [case] = await tx.select(CaseFile)
        assert (case.id, case.account_id) == (CASE, ACCOUNT)
        assert case.words == [f"fact {n}" for n in range(len(told))]


async def test_two_facts_in_one_batch_find_one_file(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        assert await case_file(CaseFile, CASE, tx) is await case_file(CaseFile, CASE, tx)


@pytest.mark.parametrize(
    ("state", "instead"), [("closed", "a follow-up case"), ("cancelled", "a new case"), ("assessing", "wait until")]
)
def test_a_refusal_says_the_state_and_what_is_possible_instead(state: str, instead: str) -> None:
    refused = CaseClosedToCommands(state)
    assert refused.status == 422
    assert f"The case is {state} and takes no commands" in refused.detail
    assert instead in refused.detail
    assert refused.extra["state"] == state
