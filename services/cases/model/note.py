"""Notes are appended and never changed."""

from datetime import datetime
from uuid import UUID

from libs.events.cases_work import InternalNoteAdded, NoteAdded
from libs.events.values import Language, NoteOrigin, NoteVisibility, Role
from libs.store import Entity


class Note(Entity, table="notes", indexes=(("case_id", "added_at"),)):
    account_id: UUID
    case_id: UUID
    origin: NoteOrigin
    visibility: NoteVisibility
    text: str
    language: Language | None = None
    author_name: str
    by: str
    by_role: Role
    attachment_ids: list[UUID]
    source_id: UUID | None = None  # the foreign fact that it tells again
    added_at: datetime

    def fact(self) -> NoteAdded | InternalNoteAdded:
        kind = NoteAdded if self.visibility == "public" else InternalNoteAdded
        return kind(
            case_id=self.case_id, note_id=self.id, origin=self.origin, text=self.text, language=self.language,
            author_name=self.author_name, attachment_ids=self.attachment_ids, source_id=self.source_id, by=self.by,
            by_role=self.by_role, added_at=self.added_at,
        )  # fmt: skip
