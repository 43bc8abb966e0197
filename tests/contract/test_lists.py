"""Every filter of every list has its index: read from every service's own OpenAPI, so that a new one counts."""

import pytest

from deploy.services import SERVICES
from tests.support.filling import fill
from tests.support.harness import service_database
from tests.support.lists import (
    NEVER,
    READ,
    SEARCHED,
    TABLES,
    TINY,
    Asked,
    document,
    listening,
    lists,
    read_by,
    requests,
)
from tests.support.services import service

DOCUMENTS = {name: document(service(name)) for name in SERVICES}
ROWS, PAGE, TIMES = 3_000, 10, 50
LISTS = {path: [p["name"] for p in found] for name in SERVICES for path, found in lists(DOCUMENTS[name]).items()}


def test_every_list_is_of_something_that_grows_or_of_something_that_stays_small() -> None:
    assert LISTS.keys() == TINY.keys() | TABLES.keys()
    assert TINY.keys() & TABLES.keys() == set()
    assert {path for path, name in SEARCHED if name not in LISTS[path]} == set()


@pytest.mark.parametrize("name", SERVICES)
async def test_every_filter_of_a_list_that_grows_is_answered_from_an_index(name: str, postgres_url: str) -> None:
    asked = requests(service(name), DOCUMENTS[name], ROWS)
    owner_url, url = await service_database(postgres_url, name)
    async with listening(service(name), owner_url, url) as (harness, heard):
        await harness.empty()
        await fill(name, owner_url, ROWS, READ)
        read = [await read_by(each, harness, heard, limit=PAGE, without_walks=True) for each in asked]
        await harness.empty()
    assert [each for each in read if each.walked or each.rows > TIMES * PAGE] == []
    # who keeps in step reads what has changed and not all that is theirs; a technician's are those of their visits
    late = [each for each in read if (each.asked.filter, each.asked.value) == ("updated_since", NEVER)]
    assert [each for each in late if each.rows and each.asked.role != "technician"] == []


@pytest.mark.parametrize("valid", ["true", "false"])
@pytest.mark.parametrize("days", [(1, 60), (-60, -2)], ids=["all are valid", "none is"])
async def test_a_page_of_the_offers_that_are_valid_reads_no_more_of_them_than_it_shows(
    valid: str, days: tuple[int, int], postgres_url: str
) -> None:
    owner_url, url = await service_database(postgres_url, "entitlements")
    async with listening(service("entitlements"), owner_url, url) as (harness, heard):
        await harness.empty()
        await fill("entitlements", owner_url, ROWS, ["accounts", "offers"])
        async with harness.transaction() as tx:
            first, last = days
            day = f"CURRENT_DATE + {first} + abs(hashtext(id::text)) % {last - first + 1}"
            await tx.connection.execute(f"UPDATE offers SET valid_until = {day}")
            await tx.connection.execute("DELETE FROM offers WHERE account_id NOT IN (SELECT id FROM accounts)")
            ids = await tx.connection.fetch("SELECT id FROM offers ORDER BY valid_until DESC, id DESC")
        await harness.analyze("offers")
        read = [
            await read_by(Asked("/v1/offers", "valid", valid, role), harness, heard, limit=PAGE)
            for role in ("engineer", "reseller", "customer")
        ]
        shown, page = list[str](), f"/v1/offers?valid={valid}&limit=200"
        cursor: str | None = ""
        while cursor is not None:
            answer = (await harness.get(f"{page}&cursor={cursor}" if cursor else page)).json()
            shown, cursor = shown + [each["id"] for each in answer["items"]], answer["next_cursor"]
        await harness.empty()
    assert [each for each in read if each.walked or each.rows > 6 * (PAGE + 1)] == []
    assert shown == ([str(row["id"]) for row in ids] if (first > 0) == (valid == "true") else [])
