"""That a service forgets a person whom its replica knows, whatever comes first."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from libs.events import Event, State
from libs.events.entitlements import ContactErased, ContactState
from libs.events.gateway import PersonErased
from libs.kit.open_work import Kind
from libs.store import Entity
from libs.store.ids import new_id
from tests.support.harness import Harness
from tests.support.people import LAN

NAME = "Phạm Thị Quên"
ACCOUNT = new_id()


def erased(contact_id: Any, account_id: Any = ACCOUNT) -> ContactErased:
    return ContactErased(contact_id=contact_id, account_id=account_id, by="manager:le", erased_at=datetime.now(UTC))


def person_erased(person_id: Any) -> PersonErased:
    return PersonErased(person_id=person_id, by="admin:le", erased_at=datetime.now(UTC))


async def forgets_in_any_order(h: Harness, replica: type[Entity]) -> None:
    """Of a name, another one, null and the fact, in any order, and a record that is newer than null: nothing but the id is left."""
    state = ContactState(account_id=ACCOUNT, name=NAME, email="quen@saomai.example", language="vi", authorised=True)
    await _in_any_order(h, replica, state, erased)


async def forgets_people_in_any_order(h: Harness, replica: type[Entity]) -> None:
    """The same of our own people."""
    await _in_any_order(h, replica, LAN, person_erased)


async def _in_any_order(h: Harness, replica: type[Entity], state: State, fact: Callable[[Any], Event]) -> None:
    wrong = list[str]()
    for order in permutations(("first", "second", "null", "fact")):
        id = new_id()
        told = {
            "first": h.record(id, state, version=1),
            "second": h.record(id, state.model_copy(update={"phone": "+84 28 5550 0199"}), version=2),
            "null": h.record(id, type(state), version=3),
            "fact": h.delivery(fact(id)),
        }
        await h.deliver(*(told[each] for each in order), h.record(id, state, version=4))
        async with h.transaction() as tx:
            known = vars(await replica.get(id, tx))
        if not known["gone"] or [name for name in type(state).model_fields if known.get(name) is not None]:
            wrong.append(" ".join(order))
    assert wrong == []


async def open_with(h: Harness, id: Any, kind: Kind = "contact") -> list[tuple[str, str | None, str | None]]:
    """What a service says to the door before somebody is erased: what it is, its number, its state. It is theirs as this kind alone."""
    answer = await h.get(f"/internal/open-work?kind={kind}&id={id}", role="admin")
    assert answer.status_code == 200, answer.text
    other = "person" if kind == "contact" else "contact"
    assert (await h.get(f"/internal/open-work?kind={other}&id={id}", role="admin")).json() == {"items": []}
    return [(each["what"], each["number"], each["state"]) for each in answer.json()["items"]]
