"""Who the customers' people are: their own accounts and those who work here are told by id, nobody else."""

from uuid import UUID, uuid4

import pytest

from libs.events.entitlements import ContactState
from libs.kit.auth import ROLES, STAFF
from libs.store import Scope
from services.gateway.model.known_contact import KnownContact
from tests.support.forgetting import erased, forgets_in_any_order
from tests.support.harness import Harness

ACCOUNT, AN, GONE = uuid4(), uuid4(), uuid4()
STATE = ContactState(
    account_id=ACCOUNT, name="Nguyễn Văn An", email="an@saomai.example", language="vi", authorised=True
)


async def test_a_contact_is_forgotten_whatever_comes_first(gateway: Harness) -> None:
    await forgets_in_any_order(gateway, KnownContact)


async def names(gateway: Harness, role: str, account: UUID) -> list[tuple[str | None, str]]:
    answer = await gateway.get(f"/v1/names?ids={AN}&ids={GONE}&ids={uuid4()}", role=role, accounts=[account])
    assert answer.status_code == 200, answer.text
    return [(each["name"], each["state"]) for each in answer.json()["items"]]


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_contacts_name_is_given_to_staff_and_their_own_account(gateway: Harness, role: str) -> None:
    await gateway.learn({AN: STATE, GONE: STATE})
    await gateway.deliver(erased(GONE, ACCOUNT))

    unknown = [(None, "erased"), (None, "pending")]
    mine, anothers = await names(gateway, role, ACCOUNT), await names(gateway, role, uuid4())

    named = ("Nguyễn Văn An", "known")
    assert mine == [(None, "pending") if role == "partner" else named, *unknown]
    assert anothers == [named if role in STAFF else (None, "pending"), *unknown]


async def test_no_statement_of_another_account_reads_a_contact(gateway: Harness) -> None:
    """Whatever a route forgets."""
    await gateway.learn({AN: STATE})
    for account, seen in ((ACCOUNT, 1), (uuid4(), 0)):
        async with gateway.database.transaction(Scope("tenant", frozenset({account}))) as tx:
            assert len(await tx.select(KnownContact)) == seen
