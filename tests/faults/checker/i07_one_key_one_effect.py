"""I7: same Idempotency-Key → one effect, byte-identical replay.

Every attempt carries a trace of its own, which the outbox keeps: the events that all attempts under one key emitted, by their
caller's own hand, are one transaction's.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from libs.kit.forgetting import AnswerForgotten
from tests.faults.checker.i01_commands_are_kept import kept_answers, kept_for
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence, Row
from tests.faults.history import Exchange, raw

_NO_ANSWER = frozenset({401, 408, 429})
"""What says nothing of the command itself; neither does a 5xx."""


def examine(evidence: Evidence, look: Look) -> None:
    by_key: dict[tuple[str, str, str, str], list[Exchange]] = defaultdict(list)
    for exchange in evidence.history.exchanges:
        request = exchange.request
        if request["key"]:
            by_key[str(exchange.caller.id), request["key"], request["method"], request["path"]].append(exchange)
    _deliveries(by_key.values(), evidence, look)
    effects = _effects(evidence)
    kept = kept_answers(evidence)
    for attempts in by_key.values():
        look.count("keys")
        look.count("keys used again", len(attempts) > 1)
        named = {"key": attempts[0].request["key"], "path": attempts[0].request["path"]}
        xids = {xid for a in attempts for xid in effects.get((a.trace_id, f"{a.caller.role}:{a.caller.id}"), ())}
        look.count("keys with events", bool(xids))
        look.expect(len(xids) <= 1, "one key had more than one effect", **named, transactions=sorted(xids))
        for digest in {attempt.request["body_sha256"] for attempt in attempts}:
            _replays(
                [a for a in attempts if a.request["body_sha256"] == digest], kept_for(attempts[0], kept), named, look
            )


def _deliveries(keys: Iterable[list[Exchange]], evidence: Evidence, look: Look) -> None:
    """Goods that come in emit nothing: they are known by their reason, of which each key has its own."""
    rma = evidence.databases.get("rma")
    counted = Counter(movement["reason"] for movement in rma["stock_movements"]) if rma else Counter[str]()
    for attempts in keys:
        if attempts[0].request["path"] == "/v1/stock/goods-in":
            look.count("deliveries")
            reason = json.loads(raw(attempts[0].request["body"]))["reason"]
            done = any(attempt.succeeded for attempt in attempts)
            look.expect(
                done <= counted[reason] <= 1, "a delivery was not counted once", reason=reason, times=counted[reason]
            )


def _effects(evidence: Evidence) -> dict[tuple[str, str], set[str]]:
    """The transactions that emitted something by the hand of a caller, by trace and actor."""
    found = defaultdict(set)
    for service, database in evidence.databases.items():
        for row in database["outbox"]:
            if row["traceparent"] and not row["causation_id"]:
                found[row["traceparent"].split("-")[1], row["actor"]].add(f"{service} {row['xid']}")
    return found


def _replays(attempts: list[Exchange], kept: list[tuple[str, Row]], named: dict[str, Any], look: Look) -> None:
    answers = sorted((a for a in attempts if a.response), key=lambda a: a.response["tick"] if a.response else 0)
    good = [a for a in answers if a.succeeded]
    if not good:
        return
    said = {(a.response["status"], a.response["body_sha256"]) for a in good if a.response}
    look.expect(len(said) == 1, "a replay was answered otherwise than the first time", **named, answers=sorted(said))
    for _, row in kept:
        if row["status"] == AnswerForgotten.status:
            look.count("answers forgotten")
            continue
        digest = hashlib.sha256(bytes.fromhex(row["body"][2:])).hexdigest()
        look.count("kept answers")
        look.expect((row["status"], digest) in said, "another answer is kept than was given", **named)
    began = answers.index(good[0])
    for later in answers[began + 1 :]:
        sent_after = later.request["tick"] > (good[0].ended or 0)
        if sent_after and not later.succeeded and not _says_nothing(later):
            look.object("a command that had succeeded was refused when it was repeated", **named, status=later.status)


def _says_nothing(exchange: Exchange) -> bool:
    status = exchange.status or 0
    return status >= 500 or status in _NO_ANSWER or (status == 409 and _in_flight(exchange))


def _in_flight(exchange: Exchange) -> bool:
    body = raw(exchange.response["body"]) if exchange.response else b""
    try:
        return bool("still being worked on" in json.loads(body).get("title", ""))
    except ValueError:
        return False
