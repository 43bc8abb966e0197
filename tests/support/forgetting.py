"""That a service forgets a person whom its replica knows, whatever comes first."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from libs.events.entitlements import ContactErased, ContactState
from libs.store import Entity
from libs.store.ids import new_id
from tests.support.harness import Harness

NAME = "Phạm Thị Quên"
ACCOUNT = new_id()


def erased(contact_id: Any, account_id: Any = ACCOUNT) -> ContactErased:
    return ContactErased(contact_id=contact_id, account_id=account_id, by="manager:le", erased_at=datetime.now(UTC))


async def forgets_in_any_order(h: Harness, replica: type[Entity]) -> None:
    """Of a name, another one, null and the fact, in any order, and a record that is newer than null: nothing but the id is left."""
    state = ContactState(account_id=ACCOUNT, name=NAME, email="quen@saomai.example", language="vi", authorised=True)
    wrong = list[str]()
    for order in permutations(("first", "second", "null", "fact")):
        id = new_id()
        told = {
            "first": h.record(id, state, version=1),
            "second": h.record(id, state.model_copy(update={"phone": "+84 28 5550 0199"}), version=2),
            "null": h.record(id, ContactState, version=3),
            "fact": h.delivery(erased(id)),
        }
        await h.deliver(*(told[each] for each in order), h.record(id, state, version=4))
        async with h.transaction() as tx:
            known: Any = await replica.get(id, tx)
        if not known.gone or known.name is not None:
            wrong.append(" ".join(order))
    assert wrong == []


async def open_with(h: Harness, contact_id: Any) -> list[tuple[str, str | None, str | None]]:
    """What a service says to the door before the contact is erased: what it is, its number, its state."""
    answer = await h.get(f"/internal/open-work?kind=contact&id={contact_id}", role="admin")
    assert answer.status_code == 200, answer.text
    assert (await h.get(f"/internal/open-work?kind=person&id={contact_id}", role="admin")).json() == {"items": []}
    return [(each["what"], each["number"], each["state"]) for each in answer.json()["items"]]
