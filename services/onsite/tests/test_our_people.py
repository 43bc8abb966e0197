"""Who works here, as onsite keeps it."""

from uuid import uuid4

from services.onsite.model.people import KnownPerson
from tests.support.harness import Harness
from tests.support.people import LAN


async def test_of_our_own_people_only_what_is_needed_is_kept_and_nothing_of_who_is_forgotten(onsite: Harness) -> None:
    here, gone = uuid4(), uuid4()
    await onsite.learn({here: LAN, gone: LAN})
    await onsite.learn({gone: type(LAN)}, version=2)
    async with onsite.transaction() as tx:
        kept = [await KnownPerson.get(each, tx) for each in (here, gone)]
    assert [(each.display_name, each.phone, each.roles, each.active) for each in kept] == [
        (LAN.display_name, LAN.phone, LAN.roles, True),
        (None, None, None, None),
    ]
    assert [each.gone for each in kept] == [False, True]
