"""Somebody follows a case, or does no more: who it is of ours, or of the customer's, who is told what becomes of it."""

from uuid import UUID

from libs.bus.replicas import hold
from libs.kit.auth import STAFF, Principal
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import NoSuchPerson, PeopleBehind, PersonRequired, must_be_here, must_be_of, must_exist
from libs.kit.problems import NotOfThisAccount, Unprocessable
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.follower import Follower, Who
from services.cases.model.people import KnownContact, KnownPerson
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.followers import FollowerOut, follower_out
from services.cases.reactions.follow_case import follow, unfollow

router = Router(tags=["cases"])


class NobodyIsBoth(Unprocessable):
    """Who follows a case is a person of ours or a contact of the account: name one of them at a time."""


class FollowCase(Command):
    """One of our own people who reads cases, which staff may say, or a contact of the account. Without either, whoever the caller acts for."""

    person_id: UUID | None = None
    contact_id: UUID | None = None


def _who(cmd: FollowCase, caller: Principal) -> Who:
    """Raises NobodyIsBoth, PersonRequired, and NoSuchPerson for whom this caller may not name."""
    if cmd.person_id and cmd.contact_id:
        raise NobodyIsBoth("Name person_id or contact_id.", field="person_id")
    if cmd.person_id and not caller.staff:
        raise NoSuchPerson("You name contacts of the account alone: contact_id.", field="person_id")
    if cmd.person_id or cmd.contact_id:
        return cmd.person_id, cmd.contact_id
    if caller.person_id is None or not (caller.staff or caller.role == "customer"):
        raise PersonRequired("Say who is meant: contact_id, or person_id.", field="contact_id")
    return (caller.person_id, None) if caller.staff else (None, caller.person_id)


async def _must_be_here(person_id: UUID, caller: Principal, tx: Transaction) -> None:
    """One of us who reads cases. Raises NoSuchPerson, NotHereYet."""
    if person_id == caller.person_id:
        await must_be_here(KnownPerson, person_id, tx)
    else:
        await must_exist(KnownPerson, [person_id], tx, consumer="cases", roles=STAFF)


async def _must_be_there(contact_id: UUID, account_id: UUID, tx: Transaction) -> None:
    """A contact of the account who has not left; who leaves from now on waits for this transaction, and is found where it names them.

    Raises NotOfThisAccount, NotHereYet, PeopleBehind.
    """
    await hold([KnownContact], tx)
    await must_be_of(account_id, {"contact_id": (KnownContact, contact_id)}, tx, consumer="cases")
    known = await tx.find(KnownContact, contact_id)
    if known is None:
        raise PeopleBehind("Contacts are being read anew here; try again.", retry_after=5, field="contact_id")
    if known.active is False:
        raise NotOfThisAccount("The account has no such contact.", contact_id=str(contact_id))


@router.post("/v1/cases/{case_id}/followers", dependencies=[allow(*COMMANDS.roles("followers"))], status_code=201)
async def follow_case_route(case_id: UUID, cmd: FollowCase, tx: Tx, caller: Caller) -> FollowerOut:
    """Follow the case, or have somebody follow it. Who does already does so once."""
    case = await case_for(caller, case_id, tx)
    COMMANDS.permit("followers", caller.role, case)
    person_id, contact_id = _who(cmd, caller)
    if person_id:
        await _must_be_here(person_id, caller, tx)
    if contact_id:
        await _must_be_there(contact_id, case.account_id, tx)
    case = await case_for(caller, case_id, tx, command="followers")
    [follower] = await follow(case, [(person_id, contact_id)], tx, Actor.of(caller), "asked")
    return await follower_out(follower, tx)


@router.delete("/v1/cases/{case_id}/followers", dependencies=[allow(*COMMANDS.roles("followers"))], status_code=204)
async def unfollow_case_route(
    case_id: UUID, tx: Tx, caller: Caller, person_id: UUID | None = None, contact_id: UUID | None = None
) -> None:
    """Follow the case no more, or have somebody do so; in whatever state it is. Who follows it not is left alone."""
    case = await case_for(caller, case_id, tx, lock=True)
    who = _who(FollowCase(person_id=person_id, contact_id=contact_id), caller)
    follower = await tx.find(Follower, Follower.id_of(case_id, *who))
    unfollow(case, [follower] if follower else [], tx, Actor.of(caller), "asked")
