"""Files of a case: the row knows their checksum, the object store holds their bytes under it."""

import asyncio
import os
import tempfile
from datetime import datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import NoteVisibility, Role
from libs.kit.problems import Problem, Unprocessable
from libs.kit.settings import setting
from libs.store import Entity, Transaction
from services.cases.model.case_values import Redacted


class AttachmentTooLarge(Problem):
    """More bytes than the policy allows; `limit` says how many are."""

    status, title = 413, "Too large"


class ChecksumMismatch(Unprocessable):
    """The bytes that came are not those that were announced."""


REMOVE = "remove"
"""Timer of a file that was taken out: its bytes go; what follows the colon is their checksum."""


class Attachment(Entity, table="attachments", indexes=("case_id", "sha256")):
    """A file as its row knows it. `size` is in bytes, `sha256` in hexadecimal, empty of a file that was taken out.

    `repeats` is the file of another case of which this is a copy: the first of all.
    """

    account_id: UUID
    case_id: UUID
    file_name: str
    content_type: str
    size: int
    sha256: str
    visibility: NoteVisibility
    by: str
    by_role: Role
    added_at: datetime
    redacted: Redacted | None = None
    repeats: UUID | None = None


sa.Index("attachments_repeats_idx", Attachment.c.repeats, postgresql_where=Attachment.c.repeats.is_not(None))


class ObjectStore:
    """Bytes in a folder, named by their SHA-256: what is there under a name is whole and never changes.

    An object that no row names (its transaction failed) is harmless.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder: the one that was given, else `objects` below the setting HOME."""
        return self._root or Path(setting("HOME", ".polyplus")) / "objects"

    async def put(self, sha256: str, content: bytes) -> None:
        """Stores the bytes under their checksum, on disk when this returns."""
        await asyncio.to_thread(self._write, self._path(sha256), content)

    async def get(self, sha256: str) -> bytes:
        """The bytes again. Raises FileNotFoundError."""
        return await asyncio.to_thread(self._path(sha256).read_bytes)

    async def remove(self, sha256: str) -> None:
        """The bytes are no more; nothing when they were not there."""
        await asyncio.to_thread(self._path(sha256).unlink, missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


objects = ObjectStore()


async def hold(sha256: str, tx: Transaction) -> None:
    """Until the transaction ends nobody else stores or removes these bytes: one who stores them may find them there."""
    await tx.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", sha256)
