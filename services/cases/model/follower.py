"""Who follows a case: a person of ours or a contact of its account, who is told what becomes of it."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from libs.kit.auth import STAFF
from libs.kit.listing import contains
from libs.store import Entity
from libs.store.ids import derived
from services.cases.model.people import KnownContact, KnownPerson

PART = "part"
"""Timer of a case: who follows it and may read it no more is taken out."""


Who = tuple[UUID | None, UUID | None]
"""A person of ours, or a contact: one of the two."""


class Follower(Entity, table="followers", indexes=(("case_id", "added_at"),)):
    """One of the two is set: `person_id` is one of our own people, `contact_id` one of the account's."""

    account_id: UUID
    case_id: UUID
    person_id: UUID | None = None
    contact_id: UUID | None = None
    by: str
    added_at: datetime

    @staticmethod
    def id_of(case_id: UUID, person_id: UUID | None, contact_id: UUID | None) -> UUID:
        """Made of the case's and theirs: nobody follows a case twice."""
        return derived(case_id, f"follower {person_id or contact_id}")

    @property
    def who(self) -> "Who":
        return self.person_id, self.contact_id


for _name in ("person_id", "contact_id"):
    sa.Index(f"followers_{_name}_idx", Follower.c[_name], postgresql_where=Follower.c[_name].is_not(None))

_no_staff = sa.not_(sa.or_(*(contains(KnownPerson.c.roles, [role]) for role in sorted(STAFF))))
READS_NO_CASES = sa.or_(KnownPerson.c.gone, KnownPerson.c.active.is_(False), _no_staff)
"""Of our own people: who has left, is forgotten, or has no role any more that reads every case."""
_not_theirs = sa.or_(
    KnownContact.c.gone,
    KnownContact.c.active.is_(False),
    KnownContact.c.account_id.is_distinct_from(Follower.c.account_id),
)
MAY_NOT_READ = sa.or_(
    sa.exists().where(KnownPerson.c.id == Follower.c.person_id, READS_NO_CASES),
    sa.exists().where(KnownContact.c.id == Follower.c.contact_id, _not_theirs),
)
"""Who follows a case and may read it no more. Who is not known here yet may."""
