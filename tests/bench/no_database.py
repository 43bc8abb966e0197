"""The API of cases over a database that is not there: everything a request costs but its round trips and its rows.

`python -m tests.bench.no_database http://127.0.0.1:20001`
"""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import uvicorn

from libs.kit.auth import Verifier
from libs.kit.settings import public_key, setting
from libs.store import Database, Scope, Transaction
from services.cases.app import service


class Nothing:
    """Answers like a connection to empty tables, at once."""

    def __init__(self) -> None:
        self._next = 0

    async def fetch(self, sql: str, *_: object) -> list[Any]:
        if "nextval" not in sql:
            return []
        self._next += 1
        return [(self._next, [])]


class NoDatabase:
    """Transactions that read nothing and whose flush does not come."""

    def __init__(self) -> None:
        self._connection: Any = Nothing()
        self._remembered: dict[object, Any] = {}

    @asynccontextmanager
    async def transaction(self, scope: Scope, **how: Any) -> AsyncIterator[Transaction]:
        started = {"alone": True, "status": None}
        yield Transaction(
            self._connection,
            scope,
            datetime.now(UTC),
            traceparent=how.get("traceparent"),
            started=started,
            remembered=self._remembered,
        )


def main() -> None:
    address = urlsplit(sys.argv[1])
    app = service.app(cast("Database", NoDatabase()), Verifier(public_key(setting("INTERNAL_PUBLIC_KEY"))))
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app, host=address.hostname or "", port=address.port or 0, log_config=None, access_log=False, server_header=False,
        limit_concurrency=1000, proxy_headers=False, loop="uvloop", http="httptools",
    )  # fmt: skip


if __name__ == "__main__":
    main()
