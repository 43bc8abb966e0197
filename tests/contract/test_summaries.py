"""`view=summary`: one line of a board for each row, of which nothing is another than in the whole answer."""

import pytest

from deploy.services import SERVICES
from tests.support.lists import document, lists, page_items
from tests.support.services import service

DOCUMENTS = {name: document(service(name)) for name in SERVICES}
OFFERED = [
    (path, name)
    for name in SERVICES
    for path, parameters in lists(DOCUMENTS[name]).items()
    if any(each["name"] == "view" for each in parameters)
]
AT_LEAST = {"id", "account_id", "state", "updated_at"}


def test_the_lists_of_what_people_work_on_offer_it() -> None:
    assert {path for path, _ in OFFERED} == {
        "/v1/cases", "/v1/rmas", "/v1/work-orders", "/v1/partner-engagements", "/v1/escalations", "/v1/registrations",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "name"), OFFERED)
def test_a_summary_is_less_of_the_same(path: str, name: str) -> None:
    *wholes, summary = (item["properties"] for item in page_items(path, DOCUMENTS[name]))
    assert summary.keys() >= AT_LEAST
    for whole in wholes:
        assert {field: whole[field] for field in summary} == summary
        assert len(summary) < len(whole)
    assert not [field for field, schema in summary.items() if schema.get("type") in ("array", "object")]
