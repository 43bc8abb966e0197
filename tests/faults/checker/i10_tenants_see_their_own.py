"""I10: no other tenant's data in any response, event or stream frame.

Whose an id is follows from the databases and the outboxes; an id that has been of several accounts (a unit that moved) proves
nothing and is left out. Staff may see everything, a depot and a technician what concerns their work, whosever it is. A cloud partner sees
cases of every account, and nothing of another partner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pydantic_core

from libs.events import event_types
from libs.kit.auth import CUSTOMERS
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence, ids_in
from tests.faults.history import Caller, Exchange, raw

Owners = dict[UUID, UUID]
_TENANTS = CUSTOMERS | {"partner"}


def examine(evidence: Evidence, look: Look) -> None:
    accounts, partners = _owners(evidence, "account_id"), _owners(evidence, "partner_id")
    look.count("ids with an account", len(accounts))
    for exchange in evidence.history.exchanges:
        if exchange.response and exchange.caller.role in _TENANTS:
            _response(exchange, accounts, partners, look)
    for line in evidence.history.of_kind("frame"):
        caller = Caller.of(line["caller"])
        if caller.role in _TENANTS and line["event"] not in ("dropped", "health"):
            _frame(line, caller, accounts, look)
    _events(evidence, accounts, look)


def _owners(evidence: Evidence, column: str) -> Owners:
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for database in evidence.databases.values():
        for name, rows in database.own:
            for row in rows:
                if row.get(column) and row.get("id"):
                    found[UUID(row["id"])].add(UUID(row[column]))
                if name == "accounts" and column == "account_id":
                    found[UUID(row["id"])].add(UUID(row["id"]))
        if column == "account_id":
            for row in database["outbox"]:
                if row["account_id"]:
                    found[UUID(row["subject"])].add(UUID(row["account_id"]))
    return {id: next(iter(owners)) for id, owners in found.items() if len(owners) == 1}


def _response(exchange: Exchange, accounts: Owners, partners: Owners, look: Look) -> None:
    assert exchange.response is not None
    caller, said = exchange.caller, _json(exchange.response["body"])
    asked = {*ids_in(exchange.request["path"].replace("?", "/").replace("=", "/").replace("&", "/").split("/"))}
    asked |= {*ids_in(_json(exchange.request["body"]))}
    shown = {*ids_in(said)} - asked
    named = {"role": caller.role, "caller": caller.id, "path": exchange.request["path"]}
    if caller.role == "partner":
        look.count("responses to partners")
        others = {id for id in shown if partners.get(id, caller.partner_id) != caller.partner_id}
        look.expect(not others, "a response shows another partner's data", **named, ids=_few(others))
        return
    look.count("responses to tenants")
    others = {id for id in shown if id in accounts and accounts[id] not in caller.accounts}
    others |= {id for id in _fields(said, "account_id") if id not in caller.accounts}
    look.expect(not others, "a response shows another account's data", **named, ids=_few(others))


def _frame(line: dict[str, Any], caller: Caller, accounts: Owners, look: Look) -> None:
    event = _json(line["data"])
    if not isinstance(event, dict) or "type" not in event:
        return
    look.count("frames to tenants")
    named = {"role": caller.role, "listener": line["listener"], "type": event["type"], "frame": line["id"]}
    others = {id for id in ids_in(event) if id in accounts and accounts[id] not in caller.accounts}
    of = event.get("accountid")
    if others or of is None or UUID(of) not in caller.accounts:
        look.object("a frame of another account was heard", **named, accountid=of, ids=_few(others))
    contract = event_types().get(event["type"])
    look.expect(
        contract is not None and contract.contract.visibility == "public", "a tenant heard what is internal", **named
    )


def _events(evidence: Evidence, accounts: Owners, look: Look) -> None:
    """An event of one account carries nothing of another's: integrators read it as it is."""
    for record in evidence.records(suffix=".events"):
        event = record.delivery
        if event.account_id is None or not event.type:
            continue
        look.count("events of accounts")
        others = {
            id for id in ids_in(_json_bytes(event.data)) if accounts.get(id, event.account_id) != event.account_id
        }
        others |= {event.subject} if accounts.get(event.subject, event.account_id) != event.account_id else set()
        look.expect(
            not others, "an event carries another account's data",
            topic=event.topic, type=event.type, event_id=event.event_id, account_id=event.account_id, ids=_few(others),
        )  # fmt: skip


def _fields(value: Any, name: str) -> Iterator[UUID]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == name:
                yield from ids_in(each)
            else:
                yield from _fields(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _fields(each, name)


def _few(ids: set[UUID]) -> list[str]:
    return sorted(map(str, ids))[:3]


def _json(body: str) -> Any:
    return _json_bytes(raw(body))


def _json_bytes(body: bytes | None) -> Any:
    try:
        return pydantic_core.from_json(body or b"null")
    except ValueError:
        return None
