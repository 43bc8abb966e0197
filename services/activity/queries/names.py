"""Who did something, as the reader may know it: rows and events have ids alone."""

from collections.abc import Iterable
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.people import NamedPerson
from libs.kit.rows import of_its_accounts
from libs.store import Transaction
from services.activity.model.known_people import KnownContact, KnownPerson

_GONE = "SELECT id FROM contacts_gone($1)"


async def names_of(actors: Iterable[str], tx: Transaction, caller: Principal) -> dict[str, NamedPerson]:
    """Of actors (`role:id`) by what they are called. Those who work here see everybody's full names; others the names under which our people
    appear, and those of their own accounts' contacts, a cloud partner none of these. Who is not theirs to know is as one who is not known,
    and so is a system, which is no person."""
    ids = {actor: id for actor in set(actors) if (id := _id(actor))}
    wanted = [*set(ids.values())]
    found: dict[UUID, NamedPerson] = {}
    for person in await tx.find_many(KnownPerson, wanted):
        if person:
            name = person.name if caller.staff else person.display_name
            found[person.id] = NamedPerson(id=person.id, name=name, state="erased" if person.gone else None)
    for row in await tx.connection.fetch(_GONE, wanted):
        found[row["id"]] = NamedPerson(id=row["id"], name=None, state="erased")
    if caller.role != "partner":
        theirs = of_its_accounts(caller, KnownContact.c.account_id)
        for contact in await tx.select(KnownContact, KnownContact.c.id.in_(wanted), ~KnownContact.c.gone, *theirs):
            found[contact.id] = NamedPerson(id=contact.id, name=contact.name)
    return {actor: found.get(id) or NamedPerson(id=id, name=None, state="pending") for actor, id in ids.items()}


def _id(actor: str) -> UUID | None:
    """None where it is a service of ours."""
    try:
        return UUID(actor.partition(":")[2])
    except ValueError:
        return None
