"""One of us says how long they worked on a case, and takes that back where it was wrong."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.kit.auth import ENGINEERS, MANAGERS, Principal
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import PersonRequired, must_be_here, must_exist
from libs.kit.problems import Forbidden
from libs.store import NotFound, Transaction
from libs.store.ids import new_id
from services.cases.model.case import Case
from services.cases.model.people import KnownPerson
from services.cases.model.time_entry import NotWorkedYet, SomebodyElsesTime, TimeEntry, TimeKind, WithdrawnAlready
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.time_entries import TimeEntryOut, time_entry_out

router = Router(tags=["time-entries"])


class EnterTime(Command):
    """Whoever the caller acts for spent it, unless a manager says who. `spent_at` is when it was done, now unless said."""

    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    kind: TimeKind
    person_id: UUID | None = None
    spent_at: AwareDatetime | None = None
    words: Text | None = None


async def enter_time(case: Case, cmd: EnterTime, person_id: UUID, by: str, tx: Transaction) -> TimeEntry:
    """Raises NotWorkedYet."""
    spent_at = cmd.spent_at or tx.now
    if spent_at > tx.now:
        raise NotWorkedYet("Time is entered once it was spent.", field="spent_at")
    return tx.add(
        TimeEntry(
            id=new_id(),
            account_id=case.account_id,
            case_id=case.id,
            person_id=person_id,
            minutes=cmd.minutes,
            kind=cmd.kind,
            words=cmd.words,
            spent_at=spent_at,
            by=by,
            added_at=tx.now,
        )
    )


async def _who(cmd: EnterTime, caller: Principal, tx: Transaction) -> UUID:
    """Raises PersonRequired, Forbidden, NoSuchPerson, NotHereYet."""
    who = cmd.person_id or caller.person_id
    if who is None:
        raise PersonRequired("A system works on no case: say person_id.", field="person_id")
    if who == caller.person_id:
        await must_be_here(KnownPerson, who, tx)
    elif caller.role not in MANAGERS:
        raise Forbidden("A manager enters the time of others.", field="person_id")
    else:
        await must_exist(KnownPerson, [who], tx, consumer="cases", roles=ENGINEERS)
    return who


@router.post("/v1/cases/{case_id}/time-entries", dependencies=[allow(*COMMANDS.roles("time_entries"))], status_code=201)
async def enter_time_route(case_id: UUID, cmd: EnterTime, tx: Tx, caller: Caller) -> TimeEntryOut:
    """Time spent on the case, also after it is over; no customer sees it."""
    who = await _who(cmd, caller, tx)
    case = await case_for(caller, case_id, tx, command="time_entries")
    return await time_entry_out(await enter_time(case, cmd, who, caller.actor, tx), tx)


@router.post(
    "/v1/cases/{case_id}/time-entries/{entry_id}/withdraw", dependencies=[allow(*COMMANDS.roles("time_entries"))]
)
async def withdraw_time_route(case_id: UUID, entry_id: UUID, tx: Tx, caller: Caller) -> TimeEntryOut:
    """Entered wrongly: it counts no more, and is entered anew where it was another."""
    await case_for(caller, case_id, tx)
    entry = await TimeEntry.find(entry_id, tx, lock=True)
    if entry is None or entry.case_id != case_id:
        raise NotFound("time entry", entry_id)
    if caller.role not in MANAGERS and caller.person_id != entry.person_id:
        raise SomebodyElsesTime("Time is withdrawn by whoever spent it, or by a manager.")
    if entry.withdrawn_at:
        raise WithdrawnAlready("It was withdrawn before.", withdrawn_at=entry.withdrawn_at.isoformat())
    entry.withdrawn_at, entry.withdrawn_by = tx.now, caller.actor
    return await time_entry_out(entry, tx)
