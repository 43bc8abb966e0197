"""Who follows a case changes: because somebody says so, because of a merge or the end of a shift, or because they may read it no more."""

from collections.abc import Sequence
from itertools import chain
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases_work import FollowedBecause, FollowersChanged, InternalFollowersChanged
from libs.store import Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import Case
from services.cases.model.follower import MAY_NOT_READ, PART, READS_NO_CASES, Follower, Who
from services.cases.model.people import KnownPerson
from services.cases.reactions.pass_on import pass_on_later


async def follow(
    case: Case, wanted: Sequence[Who], tx: Transaction, actor: Actor, reason: FollowedBecause
) -> list[Follower]:
    """The case is locked. All of these follow it then; told is of those who did not yet."""
    ids = [Follower.id_of(case.id, *who) for who in wanted]
    followers, added = list[Follower](), list[Follower]()
    for id, (person_id, contact_id), there in zip(ids, wanted, await tx.find_many(Follower, ids), strict=True):
        if there is None:
            new = Follower(
                id=id,
                account_id=case.account_id,
                case_id=case.id,
                person_id=person_id,
                contact_id=contact_id,
                by=actor.by,
                added_at=tx.now,
            )
            added.append(tx.add(new))
        followers.append(there or new)
    _tell(case, tx, actor, reason, added=added)
    return followers


def unfollow(case: Case, followers: Sequence[Follower], tx: Transaction, actor: Actor, reason: FollowedBecause) -> None:
    """These, of this locked case, follow it no more."""
    for each in followers:
        tx.remove(each)
    _tell(case, tx, actor, reason, removed=followers)


async def take_over_followers(survivor: Case, duplicate: Case, tx: Transaction, actor: Actor) -> None:
    """Of two locked cases: whoever followed the duplicate follows the one that goes on, unless they may read neither any more. Before these
    were locked, contacts and people were held (`libs.bus.replicas.hold`)."""
    its = Follower.c.case_id == duplicate.id
    readers = await tx.select(Follower, its, sa.not_(MAY_NOT_READ))
    unfollow(duplicate, await tx.select(Follower, its), tx, actor, "merged")
    await follow(survivor, [each.who for each in readers], tx, actor, "merged")


async def follow_what_was_theirs(case: Case, person_id: UUID, tx: Transaction) -> None:
    """A shift ended that somebody had the case in: they follow it, unless they have left. People are held."""
    if not await tx.fetch(sa.select(KnownPerson.c.id).where(KnownPerson.c.id == person_id, READS_NO_CASES)):
        await follow(case, [(person_id, None)], tx, SYSTEM, "shift_ended")


async def note_people(ids: Sequence[UUID], tx: Transaction) -> None:
    """People of ours are other than before: of who has left, the cases go on with somebody else, and they follow none any more."""
    await pass_on_later(ids, tx)
    await part_later(ids, tx)


async def part_later(ids: Sequence[UUID], tx: Transaction) -> None:
    """These people are other than before: each case that one follows who may read it no more parts with them by a timer of its own."""
    theirs = sa.or_(Follower.c.person_id.in_(ids), Follower.c.contact_id.in_(ids))
    followed = sa.select(Follower.c.case_id).where(theirs, MAY_NOT_READ)
    for case in await tx.select(Case, Case.c.id.in_(followed)):
        tx.set_timer(case, PART, tx.now)


async def part(case: Case, tx: Transaction, _detail: str) -> None:
    """With all who may read it no more by now."""
    unfollow(case, await tx.select(Follower, Follower.c.case_id == case.id, MAY_NOT_READ), tx, SYSTEM, "gone")


def _tell(
    case: Case,
    tx: Transaction,
    actor: Actor,
    reason: FollowedBecause,
    *,
    added: Sequence[Follower] = (),
    removed: Sequence[Follower] = (),
) -> None:
    """Of contacts to everybody who sees the case, of our own people to us alone."""
    for event, name in ((FollowersChanged, "contact_id"), (InternalFollowersChanged, "person_id")):
        changed = {
            "added": [who for each in added if (who := getattr(each, name))],
            "removed": [who for each in removed if (who := getattr(each, name))],
        }
        if any(chain(*changed.values())):
            tx.emit(event(case_id=case.id, **changed, reason=reason, **actor.facts(), changed_at=tx.now))
