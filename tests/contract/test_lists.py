"""Every filter of every list has its index: read from every service's own OpenAPI, so that a new one counts."""

import pytest

from deploy.services import SERVICES
from tests.support.filling import fill
from tests.support.harness import service_database
from tests.support.lists import SEARCHED, TABLES, TINY, document, listening, lists, read_by, requests
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
        await fill(name, owner_url, ROWS, TABLES.values())
        read = [await read_by(each, harness, heard, limit=PAGE, without_walks=True) for each in asked]
        await harness.empty()
    assert [each for each in read if each.walked or each.rows > TIMES * PAGE] == []
