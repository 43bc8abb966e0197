"""Who works here, as escalation keeps it."""

from uuid import uuid4

from services.escalation.model.known_person import KnownPerson
from tests.support.harness import Harness
from tests.support.people import LAN


async def test_of_our_own_people_names_and_addresses_are_kept_and_nothing_of_who_is_forgotten(
    escalation: Harness,
) -> None:
    here, gone = uuid4(), uuid4()
    await escalation.learn({here: LAN, gone: LAN})
    await escalation.learn({gone: type(LAN)}, version=2)
    async with escalation.transaction() as tx:
        kept = [await KnownPerson.get(each, tx) for each in (here, gone)]
    assert [(each.name, each.email, each.phone, each.language, each.roles, each.active) for each in kept] == [
        (LAN.name, LAN.email, LAN.phone, LAN.language, LAN.roles, True),
        (None, None, None, None, None, None),
    ]
    assert [each.gone for each in kept] == [False, True]
