"""Notes are appended and never changed, unless what one says must go."""

from dataclasses import field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Language, NoteOrigin, NoteVisibility, Role
from libs.store import Entity
from services.cases.model.case_texts import said
from services.cases.model.case_values import Redacted

COPIES = "copies"
"""Timer of a note that was taken out: so are its copies."""


class Note(Entity, table="notes", indexes=(("case_id", "added_at"),)):
    """What somebody wrote into a case. `source_id` is the foreign fact that a note of the system tells again, `copy_of` the note of
    another case that was told to all below that, `repeats` the note of a case of which this one was split: the first of all that say the same.
    """

    account_id: UUID
    case_id: UUID
    origin: NoteOrigin
    visibility: NoteVisibility
    text: str
    language: Language | None = None
    author_name: str | None
    by: str
    by_role: Role
    attachment_ids: list[UUID]
    source_id: UUID | None = None
    copy_of: UUID | None = None
    repeats: UUID | None = None
    added_at: datetime
    redacted: Redacted | None = None
    text_words: Annotated[tuple[str, ...], sa.DefaultClause("[]")] = field(init=False)

    def to_row(self) -> tuple[Any, ...]:
        """With the words that it says by now."""
        self.text_words = said(self.text)
        return super().to_row()

    def facts(self) -> dict[str, Any]:
        """The fields by name, as `NoteAdded` and `InternalNoteAdded` take them."""
        return {"note_id": self.id, **vars(self)}


sa.Index("notes_copy_of_idx", Note.c.copy_of, postgresql_where=Note.c.copy_of.is_not(None))
sa.Index("notes_repeats_idx", Note.c.repeats, postgresql_where=Note.c.repeats.is_not(None))
sa.Index("notes_by_idx", Note.c.by, postgresql_where=Note.c.author_name.is_not(None))
