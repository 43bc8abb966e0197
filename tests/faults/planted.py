"""Nine ways to build the runtime wrongly, each a small change of text that has to fit exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BATCH, ENVELOPE = "libs/bus/batch.py", "libs/bus/envelope.py"
RELAY, CONSUMER = "libs/bus/relay.py", "libs/bus/consumer.py"
TAKING_OUT = "libs/kit/taking_out.py"
TIMERS, REPLAY, PENDING = "libs/bus/timers.py", "libs/bus/replay.py", "libs/store/pending.py"


class MovedOn(Exception):
    """The code is no longer what a mutation was written for."""


@dataclass(frozen=True)
class Change:
    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Raises MovedOn unless the text is there exactly once."""
        path = root / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise MovedOn(f"{self.file} has {text.count(self.old)} times:\n{self.old}")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Mutation:
    """`invariants` are those of which one must object in a run of faults of so many `kills`; `test` is the runtime's own that fails."""

    name: str
    changes: Sequence[Change]
    invariants: frozenset[str]
    test: str
    kills: int = 24


MUTATIONS = (
    Mutation(
        "commit offset first",
        (
            Change(
                BATCH,
                "    heard = [d for d in deliveries if handlers.hears(d)]\n    async with (\n",
                "    async with database.pool.acquire() as early:\n"
                "        moved = await early.execute(\n"
                '            "UPDATE consumer_offsets SET next = $5 "\n'
                '            "WHERE (consumer, topic, partition, next) = ($1, $2, $3, $4)",\n'
                "            partition.consumer, partition.topic, partition.number, expected, next,\n"
                "        )\n"
                '    if moved != "UPDATE 1":\n'
                "        raise Fenced(str(partition))\n"
                "    expected = next\n"
                "    heard = [d for d in deliveries if handlers.hears(d)]\n    async with (\n",
            ),
        ),
        frozenset({"I5", "I6", "I11"}),
        "libs/bus/tests/test_consumer_patience.py::test_trouble_that_passes_is_tried_again_and_never_dead_lettered",
    ),
    Mutation(
        "no inbox",
        (Change(BATCH, '    if claim["known"] is not None:\n', "    if False:\n"),),
        frozenset({"I5"}),
        "libs/bus/tests/test_consumer_batches.py::test_the_same_500_records_appended_twice_change_nothing",
    ),
    Mutation(
        "an in-batch duplicate applied twice",
        (Change(ENVELOPE, "            seen.add(delivery.event_id)\n", ""),),
        frozenset({"I5"}),
        "libs/bus/tests/test_consumer_batches.py::test_a_batch_that_holds_an_event_twice_applies_it_once",
    ),
    Mutation(
        "id-cursor relay",
        (
            Change(
                RELAY,
                "rows = await connection.fetch(_LOOK, at.prev, self._page)",
                'newer = f"SELECT {COLUMNS} FROM outbox WHERE id > $1 ORDER BY id LIMIT $2"\n'
                '            past = f"SELECT now.cur, found.* FROM (SELECT pg_current_snapshot()::text AS cur) AS now "\n'
                '            past += f"LEFT JOIN ({newer}) AS found ON true"\n'
                "            rows = await connection.fetch(past, at.last_id, self._page)",
            ),
            Change(
                RELAY,
                "closed = Position(window.cur, window.cur, 0)",
                'closed = Position(window.cur, window.cur, rows[-1]["id"])',
            ),
        ),
        frozenset({"I2", "I4"}),
        "libs/bus/tests/test_relay.py::test_a_row_that_commits_after_a_later_id_is_published_too",
        kills=125,  # a process has to freeze between its flush and its commit
    ),
    Mutation(
        "publish before commit",
        (
            Change(
                PENDING,
                '            statements.append(Statement.insert("outbox", columns.OUTBOX, self.outbox))',
                '            sql, params = one_statement([Statement.insert("outbox", columns.OUTBOX, self.outbox)])\n'
                "            async with connection._holder._pool.acquire() as early:\n"
                "                await early.execute(sql, *params)",
            ),
        ),
        frozenset({"I1", "I3", "I4", "I5", "I7"}),
        "libs/store/tests/test_flushing.py::test_an_exception_after_a_flush_takes_back_what_it_wrote",
    ),
    Mutation(
        "seek in the rebalance listener",
        (
            Change(
                CONSUMER,
                "                await self._take_up(client)\n                self._wake",
                "                self._client = client\n                self._wake",
            ),
            Change(
                CONSUMER,
                "    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:",
                "    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:",
            ),
            Change(
                CONSUMER,
                "        self._forget(list(self.held))\n        self._woken.set()\n",
                "        self._forget(list(self.held))\n        await self._take_up(self._client)\n",
            ),
            Change(
                CONSUMER,
                "        self._forget(list(self.held))\n        client.subscribe",
                "        self._forget(list(self.held))\n        self._client = client\n        client.subscribe",
            ),
        ),
        frozenset({"I5", "I12"}),
        "libs/bus/tests/test_consumer_partitions.py::test_a_session_lost_while_partitions_are_placed_leaves_none_of_them_unread",
    ),
    Mutation(
        "timer without generation",
        (
            Change(
                TIMERS,
                "aggregate_id = ANY($2::uuid[]) AND due_at <= $3\nRETURNING",
                "aggregate_id = ANY($2::uuid[]) AND $3::timestamptz IS NOT NULL\nRETURNING",
            ),
        ),
        frozenset({"I8"}),
        "libs/bus/tests/test_timers.py::test_each_timer_fires_once_or_is_cancelled_under_any_race",
    ),
    Mutation(
        "words stay in rows",
        (
            Change(
                TAKING_OUT,
                "        vars(row).update(without(words, vars(row), redaction.instead))\n",
                "        without(words, vars(row), redaction.instead)\n",
            ),
        ),
        frozenset({"I18"}),
        "services/rma/tests/test_redaction.py::test_a_reason_goes_from_rows_answers_and_outbox",
    ),
    Mutation(
        "unpark without the lock",
        (Change(REPLAY, "    await tx.connection.execute(_LOCK, handlers.consumer, topic)\n", ""),),
        frozenset({"I9"}),
        "libs/bus/tests/test_consumer_dead_letters.py::test_an_event_that_comes_during_a_replay_is_neither_lost_nor_overtakes",
    ),
)
