"""Ids that a test knows beforehand: over the API nobody chooses one."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest


@contextmanager
def next_id(use_case: str, id: UUID) -> Iterator[None]:
    """What this module of a service makes inside gets this id, so that facts told in the test can name it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{use_case}.new_id", lambda: id)
        yield
