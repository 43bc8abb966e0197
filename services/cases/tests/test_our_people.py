"""Who works here, as cases keeps it."""

from uuid import uuid4

from services.cases.model.people import KnownPerson
from tests.support.harness import Harness
from tests.support.people import LAN


async def test_of_our_own_people_only_what_is_needed_is_kept_and_nothing_of_who_is_forgotten(cases: Harness) -> None:
    here, gone = uuid4(), uuid4()
    await cases.learn({here: LAN, gone: LAN})
    await cases.learn({gone: type(LAN)}, version=2)
    async with cases.transaction() as tx:
        kept = [await KnownPerson.get(each, tx) for each in (here, gone)]
    assert [(each.display_name, each.roles, each.active) for each in kept] == [
        (LAN.display_name, LAN.roles, True),
        (None, None, None),
    ]
    assert [each.gone for each in kept] == [False, True]
