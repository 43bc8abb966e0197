"""The page of what is kept lacks no table, and says what the code says."""

from datetime import timedelta
from pathlib import Path

import pytest

from deploy.services import SERVICES
from libs.bus import retention
from libs.store.metadata import metadata
from tests.support import kept


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's words, to be changed."""
    copy = tmp_path / "kept.toml"
    copy.write_text(kept.WORDS.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(kept, "WORDS", copy)
    return copy


def test_every_table_of_every_service_is_on_the_page() -> None:
    page = kept.page()
    missing = [table for name in SERVICES for table in metadata(name).tables if f"| `{table}` |" not in page]
    assert missing == []
    assert "| `joint_calls` | own | `email`, `join_url`, `name` |" in page
    assert "| `contacts` | replica of `entitlements.people` | `name`, `phone` |" in page


@pytest.mark.parametrize("gone", ["inbox_marks = ", '"onsite.bookings" = '])
def test_a_table_without_words_is_refused(words: Path, gone: str) -> None:
    lines = words.read_text("utf-8").splitlines(keepends=True)
    words.write_text("".join(line for line in lines if not line.startswith(gone)), "utf-8")
    with pytest.raises(SystemExit, match="kept"):
        kept.page()


def test_words_about_what_is_not_there_are_refused(words: Path) -> None:
    words.write_text(words.read_text("utf-8").replace("ecps.joint_calls", "ecps.calls"), "utf-8")
    with pytest.raises(SystemExit, match=r"ecps\.calls"):
        kept.page()


def test_a_period_is_the_code_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "DEFAULTS", retention.Retention(idempotency_keys=timedelta(days=3)))
    assert "3 days; what names somebody" in kept.page()
