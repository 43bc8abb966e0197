"""A request names contacts and sites of its own account alone; what cannot be known yet is left to the decision."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events import State
from libs.events.entitlements import ContactState, SiteState
from libs.kit import people
from services.cases.tests.builders import ACCOUNT, OTHER, a_request
from tests.support.harness import Harness
from tests.support.refusals import refusal

TOPIC = ContactState.contract.topic
FIELDS = ("contact_id", "site_id")


def of(field: str, account_id: UUID) -> State:
    if field == "site_id":
        return SiteState(account_id=account_id, name="HQ", address_lines=["1 Lê Lợi"])
    return ContactState(account_id=account_id, name="An", language="vi", authorised=True)


async def asked(cases: Harness, **how: Any) -> Any:
    return await cases.post("/v1/cases", a_request(**how), role="customer", accounts=[ACCOUNT], key=str(how))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.2)


@pytest.mark.parametrize("field", FIELDS)
async def test_another_accounts_and_an_unknown_one_are_refused_in_the_same_words(cases: Harness, field: str) -> None:
    ours, theirs, gone, unknown = (uuid4() for _ in range(4))
    await cases.learn({ours: of(field, ACCOUNT), theirs: of(field, OTHER), gone: type(of(field, ACCOUNT))})
    await cases.has_caught_up(TOPIC)
    said = set()
    for id in (theirs, gone, unknown):
        for role, accounts in (("customer", [ACCOUNT]), ("engineer", [])):
            body = a_request(account_id=str(ACCOUNT), **{field: str(id)})
            answer = await cases.post("/v1/cases", body, role=role, accounts=accounts)
            assert refusal(answer) == (422, "not-of-this-account")
            said.add(answer.text.replace(str(id), "…"))
    assert len(said) == 1
    assert await cases.events() == []
    assert (await asked(cases, **{field: str(ours)})).status_code == 201


@pytest.mark.parametrize("field", FIELDS)
async def test_what_comes_a_moment_later_is_waited_for(
    cases: Harness, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 20.0)
    await cases.has_caught_up(TOPIC)
    id = uuid4()
    waiting = asyncio.create_task(asked(cases, **{field: str(id)}))
    assert (await asked(cases)).status_code == 201
    assert not waiting.done()
    await cases.learn({id: of(field, ACCOUNT)})
    assert (await waiting).status_code == 201


async def test_where_it_cannot_be_known_yet_the_decision_settles_it(cases: Harness) -> None:
    """Nobody has read the topic to its end lately."""
    answer = await asked(cases, **{field: str(uuid4()) for field in FIELDS})
    assert answer.status_code == 201, answer.text
