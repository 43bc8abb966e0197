"""I11: every replica equals its rebuild from the log.

A replica is what a service keeps of other services' facts. It is rebuilt in a database of its own by the service's own handlers,
which get the topics' records in their order; what else the service has is there as it is now, so that handlers find done what
was done, and what they emit there nobody reads. Events whose fate is a dead letter are left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.bus.batch import Partition, work
from libs.bus.envelope import Delivery
from libs.bus.projections import Projection
from libs.bus.replicas import Kept, Replicas
from libs.store import Database as Store
from libs.store import Scope
from tests.faults.checker.consumption import Consumption, consumers
from tests.faults.checker.look import Look
from tests.faults.collect import read_database
from tests.faults.evidence import Database, Evidence, Row

_BATCH = 200


@dataclass(frozen=True)
class Replica:
    """A table, or the columns of one that are a replica. `key` names the row; `own` columns are the service's own matter."""

    table: str
    key: str = "id"
    own: tuple[str, ...] = ("version", "revision")
    blank: Row = field(default_factory=dict)
    """How the columns begin in a row that also holds what is the service's own; without it, rows begin with the log."""


_DIFFERENT: dict[str, tuple[Replica, ...]] = {
    "escalation": (
        Replica(
            "case_files",
            own=("version", "revision", "timers", "breached"),
            blank={
                "account_id": None, "state": "unknown", "opened_at": None, "epoch": 0, "severity": None, "priority": None,
                "coverage_revision": 0, "plan": None, "region": None, "family": None, "assignee": None, "diagnoses": {},
            },
        ),
    ),
    "entitlements": (
        Replica(
            "case_files",
            own=("version", "revision", "coverage", "decided", "decisions"),
            blank={"account_id": None, "unit": None, "opening": None, "is_open": True, "override": None},
        ),
        Replica("replacements", own=("version", "revision", "applied")),
    ),
    "activity": (
        Replica("activity_events", key="event_id", own=("seq", "account_seq")),
        Replica("case_accounts", key="case_id", own=()),
    ),
}  # fmt: skip
"""Of services whose replicas are no projections alone, or hold more than the log tells."""
_OWN_FACTS = "customer_request"
"""Among an escalation's facts, the one that a command of its own puts there."""
_WRITTEN = """
SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'
"""
"""The columns that are no function of the others."""


async def examine(evidence: Evidence, look: Look, admin_url: str) -> None:
    """`admin_url` is of any PostgreSQL; the databases made there are dropped again."""
    for consumption in consumers(evidence):
        facts, states = _of_facts(consumption), _of_states(consumption)
        if facts or states:
            rebuilt = await _rebuilt(consumption, facts, states, admin_url, look)
            for replica in (*facts, *states):
                _compare(consumption.database, rebuilt, replica, look)


def _of_facts(consumption: Consumption) -> Sequence[Replica]:
    """What the services say themselves, unless it is said above."""
    return _DIFFERENT.get(consumption.name) or [
        Replica(each.name, own=("version", "revision", *each.own))
        for each in consumption.projections
        if isinstance(each, Projection) and not isinstance(each, Kept)
    ]


def _of_states(consumption: Consumption) -> Sequence[Replica]:
    return [Replica(kept.name, own=("revision",)) for kept in consumption.replicas.kept.values()]


async def _rebuilt(
    consumption: Consumption, facts: Sequence[Replica], states: Sequence[Replica], admin_url: str, look: Look
) -> Database:
    name = consumption.name
    owner_url, url = await create_service_database(admin_url, name, prefix="rebuilt_")
    try:
        await migrate(name, owner_url)
        await _begin(consumption.database, [*facts, *states], owner_url)
        store = await Store.connect(url, size=2)
        try:
            await _tell_states(consumption, store, look)
            if facts:
                await _deliver(consumption, store, look)
        finally:
            await store.close()
        return await read_database(name, owner_url)
    finally:
        admin = await asyncpg.connect(admin_url)
        try:
            await admin.execute(f'DROP DATABASE "rebuilt_{name}" WITH (FORCE)')
        finally:
            await admin.close()


async def _begin(database: Database, replicas: Sequence[Replica], owner_url: str) -> None:
    """Everything that is the service's own, as it is; of the replicas nothing."""
    of = {replica.table: replica for replica in replicas}
    owner = await asyncpg.connect(owner_url)
    try:
        async with owner.transaction():
            await owner.execute("SELECT set_config('polyplus.scope', 'worker', true)")
            for name, rows in (*database.own, ("policies", database["policies"])):
                replica = of.get(name)
                if replica is None or replica.blank:
                    await _insert(owner, name, [_blank(row, replica) for row in rows])
            if database["app_clock"]:
                await owner.execute(
                    "UPDATE app_clock SET time_offset = $1::text::interval", database["app_clock"][0]["time_offset"]
                )
    finally:
        await owner.close()


def _blank(row: Row, replica: Replica | None) -> Row:
    if replica is None:
        return row
    facts = [fact for fact in row["facts"] if fact["kind"] == _OWN_FACTS] if "facts" in row else None
    return {**row, **replica.blank, **({} if facts is None else {"facts": facts})}


async def _insert(owner: asyncpg.Connection[asyncpg.Record], table: str, rows: list[Row]) -> None:
    # What triggers keep is in the dump too, and so is what the migration put there.
    await owner.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER; DELETE FROM "{table}"')
    columns = await owner.fetchval(_WRITTEN, table)
    await owner.execute(
        f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE'
        f' SELECT {columns} FROM jsonb_populate_recordset(NULL::"{table}", $1::jsonb)',
        json.dumps(rows),
    )
    await owner.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')


async def _tell_states(consumption: Consumption, store: Store, look: Look) -> None:
    """As their readers take them, but for what follows from it."""
    quiet = Replicas(consumption.name)
    for cls, kept in consumption.replicas.kept.items():
        quiet.keep(cls, of=kept.of, made=kept.made)
    for topic in quiet.topics:
        told = [record.delivery for record in consumption.evidence.topics.get(topic, []) if not record.is_beat]
        async with store.transaction(Scope.system(consumption.name)) as tx:
            await quiet.apply(told, tx)
        look.count("states applied again", len(told))


async def _deliver(consumption: Consumption, store: Store, look: Look) -> None:
    by_partition: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
    for delivery in consumption.first:
        if consumption.applied(delivery) and not consumption.is_dead_letter(delivery):
            by_partition[delivery.topic, delivery.partition].append(delivery)
    for (topic, number), deliveries in by_partition.items():
        partition = Partition(consumption.name, topic, number)
        await store.pool.execute(
            "INSERT INTO consumer_offsets (consumer, topic, partition, next) VALUES ($1, $2, $3, 0)", *_key(partition)
        )
        at = 0
        for start in range(0, len(deliveries), _BATCH):
            at = await _apply(consumption, store, partition, at, deliveries[start : start + _BATCH], look)


async def _apply(
    consumption: Consumption, store: Store, partition: Partition, at: int, batch: list[Delivery], look: Look
) -> int:
    """A batch at once, or one by one when something is wrong with it; the offset after it."""
    next = batch[-1].offset + 1
    try:
        await work(store, consumption.handlers, partition, at, batch, next=next)
    except Exception as error:
        if len(batch) == 1:
            look.object(
                "the log cannot be applied again", consumer=partition.consumer, topic=partition.topic, partition=partition.number,
                offset=batch[0].offset, type=batch[0].type, error=repr(error),
            )  # fmt: skip
            return at
        for one in batch:
            at = await _apply(consumption, store, partition, at, [one], look)
        return at
    look.count("events applied again", len(batch))
    return next


def _key(partition: Partition) -> tuple[str, str, int]:
    return partition.consumer, partition.topic, partition.number


def _compare(database: Database, rebuilt: Database, replica: Replica, look: Look) -> None:
    stored, again = ({row[replica.key]: row for row in d[replica.table]} for d in (database, rebuilt))
    named = {"service": database.service, "table": replica.table}
    for key in stored.keys() | again.keys():
        look.count("rows of replicas")
        if key not in again or key not in stored:
            why = "a replica's row is in no log" if key in stored else "a replica lacks a row that the log makes"
            look.object(why, **named, row=key)
            continue
        # The fact of an erasure sets it to the highest, the null on the state topic to its own; services without projections are told states alone.
        own = {*replica.own, "version"} if stored[key].get("gone") else replica.own
        for column, value in stored[key].items():
            if column not in own and _comparable(value) != _comparable(again[key].get(column)):
                look.object(
                    "a replica is not what the log makes it", **named, row=key, column=column, stored=value, rebuilt=again[key].get(column)
                )  # fmt: skip


def _comparable(value: Any) -> str:
    """Objects whatever the order of their names."""
    return json.dumps(value, sort_keys=True)
