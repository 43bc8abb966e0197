"""The bytes of a file that was taken out are removed once that is committed."""

from libs.store import Transaction
from services.cases.model.attachment import Attachment, hold, objects


async def remove_bytes(_file: Attachment, tx: Transaction, sha256: str) -> None:
    """Unless another file has the same bytes: that one is taken out by itself."""
    await hold(sha256, tx)
    # A new statement: it sees what was stored before the lock was free.
    if not await tx.first(Attachment, Attachment.c.sha256 == sha256):
        await objects.remove(sha256)
