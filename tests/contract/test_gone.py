"""Whoever has the id of somebody who is forgotten sees that they are, in every service that keeps a replica."""

from uuid import UUID, uuid4

import pytest

from deploy.services import SERVICES
from libs.events.entitlements import ContactState, RegistrationState, SiteDaysState, SiteState
from libs.store import Entity, Scope
from tests.support.harness import Pools
from tests.support.services import service

ACCOUNT, ANOTHER = uuid4(), uuid4()
STATES = {
    ContactState: ContactState(account_id=ACCOUNT, name="An", language="vi", authorised=True),
    RegistrationState: RegistrationState(account_id=ACCOUNT, product_number="8L531AA", serial="8LTEST0001FB"),
    SiteDaysState: SiteDaysState(
        account_id=ACCOUNT, city="Hà Nội", country="VN", time_zone="Asia/Ho_Chi_Minh", opening_hours=[]
    ),
    SiteState: SiteState(account_id=ACCOUNT, name="Sao Mai", address_lines=["1 Lê Lợi"], postal_code=None),
}
KEPT = [
    (name, cls)
    for name in SERVICES
    for cls in service(name).replicas.kept
    if "account_id" in {column.name for column in cls.columns}
]


def test_there_are_some_in_each_service_that_shows_contacts() -> None:
    assert {name for name, _ in KEPT} >= {"cases", "ecps", "gateway", "onsite", "rma"}


@pytest.mark.parametrize(("name", "replica"), KEPT, ids=lambda each: each if isinstance(each, str) else each.__name__)
async def test_who_is_gone_is_seen_by_id_and_nobody_of_another_account(
    pools: Pools, name: str, replica: type[Entity]
) -> None:
    of = service(name).replicas.kept[replica].of
    here, gone, never = uuid4(), uuid4(), uuid4()
    harness = await pools.harness(service(name))
    await harness.learn({here: STATES[of], gone: STATES[of]})
    await harness.learn({gone: of}, version=2)

    async def seen_by(*accounts: UUID) -> list[bool | None]:
        async with harness.database.transaction(Scope("tenant", frozenset(accounts), "customer:1")) as tx:
            rows = await tx.find_many(replica, [here, gone, never])
            return [vars(row)["gone"] if row else None for row in rows]

    assert await seen_by(ACCOUNT) == [False, True, None]
    assert await seen_by(ANOTHER) == [None, True, None]
    async with harness.database.transaction(Scope("tenant", frozenset({ANOTHER}), "customer:1")) as tx:
        changed = await tx.connection.execute(f'DELETE FROM "{replica.table.name}" WHERE id = $1', gone)
    assert changed == "DELETE 0"
