"""A word to all cases below one: it is written there once and stands in each."""

from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Language, NoteVisibility
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import NoteOut, note_out
from services.cases.reactions.answer_children import ANSWERED
from services.cases.reactions.tell_children import TELL, those_below
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.add_note import AddNote, add_note

router = Router(tags=["cases"])


class NobodyBelow(Unprocessable):
    """No open case is a child of this one or part of it."""


class TellAll(Command):
    """To their customers too if it is public; internal unless that is said."""

    text: Text
    visibility: NoteVisibility | None = None
    language: Language | None = None


class ToldAll(NoteOut):
    """The note, and how many cases it is told to."""

    cases: int


async def tell_all(case: Case, cmd: TellAll, actor: Actor, tx: Transaction) -> tuple[Note, int]:
    """The case has the note at once, those below within moments. Raises NobodyBelow."""
    ((count,),) = await tx.fetch(sa.select(sa.func.count()).select_from(Case.table).where(those_below(case)))
    if not count:
        raise NobodyBelow(f"{case.number} has no open cases below it.")
    note = await add_note(case, AddNote(**cmd.model_dump()), actor, tx)
    # Their own copy is what answers them.
    tx.cancel_timer(case, f"{ANSWERED}:{note.id}")
    tx.set_timer(case, f"{TELL}:{note.id}", tx.now)
    return note, count


@router.post(
    "/v1/cases/{case_id}/children/notes", dependencies=[allow(*COMMANDS.roles("children_notes"))], status_code=201
)
async def tell_all_route(case_id: UUID, cmd: TellAll, tx: Tx, caller: Caller) -> ToldAll:
    """Write a note to the case, its children and all that are part of it: each has it as its own."""
    actor = await who_acts(caller, tx)
    case = await case_for(caller, case_id, tx, command="children_notes")
    note, count = await tell_all(case, cmd, actor, tx)
    return ToldAll(**note_out(note, caller).model_dump(), cases=count)
