"""The pages and files that are made from the code: `python -m tests.support.pages` writes them, `… check` refuses stale ones."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local import prometheus
from tests.support import decisions, hearing, kept, promises, settings

ROOT = Path(__file__).parents[2]
PAGES: Mapping[Path, Callable[[], str]] = {
    ROOT / "docs" / "promises.md": promises.table,
    ROOT / "docs" / "settings.md": settings.table,
    ROOT / "docs" / "events.md": hearing.page,
    ROOT / "docs" / "kept.md": kept.page,
    ROOT / "docs" / "adr" / "README.md": decisions.index,
    prometheus.COMMITTED: prometheus.by_default,
}


def stale() -> list[Path]:
    """Those that are not what the code says now."""
    return [page for page, made in PAGES.items() if not page.exists() or page.read_text(encoding="utf-8") != made()]


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        if names := [str(page.relative_to(ROOT)) for page in stale()]:
            raise SystemExit(f"{', '.join(names)}: stale; run python -m tests.support.pages")
    else:
        for page, made in PAGES.items():
            page.write_text(made(), encoding="utf-8")
