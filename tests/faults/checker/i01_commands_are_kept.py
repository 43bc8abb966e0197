"""I1: every 2xx command has its state row and an outbox row for each version it emitted.

The answer is kept under its key in the command's own transaction, so a 2xx without it was sent before, or without, a commit. A
row's `version` counts what was emitted for it. Outbox partitions are dropped once published: a run is shorter than one partition,
and that all ids from the first are there is checked here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import Any
from uuid import UUID

import pydantic_core

from libs.kit.forgetting import AnswerForgotten
from tests.faults.checker.look import Look
from tests.faults.evidence import Database, Evidence, Row, ids_in
from tests.faults.history import Exchange, raw

Kept = dict[tuple[str, str], list[tuple[str, Row]]]


def examine(evidence: Evidence, look: Look) -> None:
    kept = kept_answers(evidence)
    ids = {service: _ids(database) for service, database in evidence.databases.items()}
    for exchange in evidence.history.exchanges:
        if exchange.succeeded and exchange.is_command and (exchange.request["key"] or _etag(exchange) is not None):
            _command(exchange, kept, ids, evidence, look)
    for database in evidence.databases.values():
        _nothing_dropped(database, look)
        _versions(database, look)


def kept_answers(evidence: Evidence) -> Kept:
    """The idempotency rows of all services, with their service, by principal and key."""
    found: Kept = defaultdict(list)
    for service, database in evidence.databases.items():
        for row in database["idempotency_keys"]:
            found[row["principal"], row["key"]].append((service, row))
    return found


def kept_for(exchange: Exchange, kept: Kept) -> list[tuple[str, Row]]:
    """Those that answer this very command: its caller, key and route."""
    named = kept.get((str(exchange.caller.id), exchange.request["key"]), [])
    asked = f"{exchange.request['method']} {exchange.request['path'].partition('?')[0]}"
    return [(service, row) for service, row in named if _pattern(row["route"]).fullmatch(asked)]


@lru_cache
def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^/]*\\\}", "[^/]+", re.escape(route)))


def _command(exchange: Exchange, kept: Kept, ids: dict[str, set[UUID]], evidence: Evidence, look: Look) -> None:
    request, response = exchange.request, exchange.response
    assert response is not None
    what = f"{request['method']} {request['path']}"
    look.count("commands answered with 2xx")
    if not request["key"]:
        _changed_row(exchange, what, evidence, look)
        return
    found = kept_for(exchange, kept)
    if not found:
        look.object(f"{what} was answered {response['status']}, and nothing of it was committed", key=request["key"])
        return
    service, row = found[0]
    as_it_was = (response["status"], AnswerForgotten.status)
    look.expect(row["status"] in as_it_was, f"{what}: kept with another status", key=request["key"])
    made = _json(response["body"])
    if isinstance(made, dict) and isinstance(made.get("id"), str):
        look.count("rows named by answers")
        look.expect(
            UUID(made["id"]) in ids[service], f"{what}: its answer names a row that is not there", id=made["id"], service=service
        )  # fmt: skip


def _changed_row(exchange: Exchange, what: str, evidence: Evidence, look: Look) -> None:
    """A PATCH has no key: the revision that its ETag names was reached."""
    etag = _etag(exchange)
    named = list(re.findall(r"[0-9a-f-]{36}", exchange.request["path"]))
    if etag is None or not named:
        return
    rows = [r for d in evidence.databases.values() for _, rows in d.own for r in rows if r.get("id") == named[-1]]
    look.count("revisions named by answers")
    look.expect(
        any(row.get("revision", -1) >= etag for row in rows), f"{what}: the revision it answered with was not kept", revision=etag
    )  # fmt: skip


def _etag(exchange: Exchange) -> int | None:
    tag = (exchange.response or {}).get("headers", {}).get("etag", "").removeprefix("W/").strip('"')
    return int(tag) if tag.isdigit() else None


def _versions(database: Database, look: Look) -> None:
    """A replica's row (it says whether it is `gone`) has the version that was told to it: nothing emitted it here."""
    versions: dict[str, set[int]] = defaultdict(set)
    gone: set[str] = set()
    for row in sorted(database["outbox"], key=lambda row: int(row["id"])):
        if not row["topic"].endswith(".dlq"):
            versions[row["subject"]].add(row["version"])
            (gone.add if row["data"] is None else gone.discard)(row["subject"])
    there: dict[str, int] = {}
    for _, rows in database.own:
        for row in rows:
            if "version" in row and "revision" in row and "gone" not in row:
                there[row["id"]] = max(there.get(row["id"], 0), row["version"])
    for id, version in there.items():
        look.count("rows with versions")
        if missing := set(range(1, version + 1)) - versions[id]:
            look.object(
                "a row was kept without the events it emitted", service=database.service, id=id, missing=sorted(missing)
            )
    for id, found in versions.items():
        if id not in gone and found:
            look.count("aggregates that emitted")
            look.expect(
                max(found) <= there.get(id, 0), "events were kept without the row that emitted them",
                service=database.service, id=id, emitted=max(found), row=there.get(id),
            )  # fmt: skip


def _nothing_dropped(database: Database, look: Look) -> None:
    first = min((int(row["id"]) for row in database["outbox"]), default=1)
    look.expect(
        first < 1_000_000, "the outbox's first partition was dropped: keep a run under a partition's size", first_id=first
    )  # fmt: skip


def _ids(database: Database) -> set[UUID]:
    return {id for _, rows in database.own for row in rows for id in ids_in(row)}


def _json(body: str) -> Any:
    try:
        return pydantic_core.from_json(raw(body))
    except ValueError:
        return None
