"""What the bus counts, for Prometheus. The service is not a label: it is the scraped process'."""

import asyncio
from collections.abc import Mapping

import structlog
from aiokafka import TopicPartition
from prometheus_client import Counter, Gauge

from libs.bus.backlog import Backlog, backlog
from libs.bus.waiting import within
from libs.store import Database
from libs.store.reasons import reason

log = structlog.get_logger()
SAMPLE_SECONDS = 5.0

consumer_lag = Gauge(
    "polyplus_consumer_lag_events", "Events between this member's offset and the end.", ["topic", "partition"]
)
replica_lag = Gauge("polyplus_replica_lag_records", "Records of a state topic that its replicas lack.", ["topic"])
consumer_halted = Gauge("polyplus_consumer_halted", "1 once the consumer must not go on and an operator has to look.")
events_handled = Counter("polyplus_consumer_events", "Records worked, heard or not.")
events_published = Counter("polyplus_relay_published_events", "Outbox rows that Kafka has acknowledged.")
version_gaps = Counter("polyplus_version_gaps", "Times that versions of an aggregate were missing from the log.")
timers_fired = Counter("polyplus_timers_fired", "Timers fired.")
job_calls = Counter("polyplus_job_calls", "Attempts at calls to the outside: done, retried, given_up.", ["outcome"])
lane_calls = Counter("polyplus_lane_calls", "Attempts at calls in lanes: done, retried, given_up.", ["outcome"])

_sampled = {
    field: Gauge(f"polyplus_{name}", documentation)
    for field, name, documentation in (
        ("unpublished_events", "relay_unpublished_events", "Outbox rows that Kafka has not acknowledged."),
        ("oldest_unpublished_seconds", "relay_oldest_unpublished_seconds", "Age of the oldest of them; 0 without."),
        ("dead_letters", "dead_letters", "Events that failed for good and wait for an operator."),
        (
            "out_of_order",
            "dead_letters_out_of_order",
            "Those of them whose version had been passed: the log is not what it was.",
        ),
        ("waiting_events", "dead_letters_waiting_events", "Events that wait behind a dead letter of their key."),
        ("parked_keys", "parked_keys", "Keys whose events wait."),
        ("timers_due", "timers_due", "Timers that are due and have not fired."),
        ("timers_late_seconds", "timers_late_seconds", "How long ago the oldest of them was due; 0 without."),
        ("jobs_waiting", "jobs_waiting", "Calls to the outside that are not over."),
        ("jobs_failing", "jobs_failing", "Those of which an attempt has failed."),
        ("jobs_unrecorded", "jobs_unrecorded", "Calls whose outcome could not be recorded ten times or more."),
        ("lane_calls_due", "lane_calls_due", "Calls in lanes that are due by the machine's clock, now or soon."),
        ("lanes_failing", "lanes_failing", "Lanes that have failed five times in a row, or more."),
        ("lanes_late_seconds", "lanes_late_seconds", "How long a call has been due in a lane that answers; 0 without."),
        ("lanes_failing_late_seconds", "lanes_failing_late_seconds", "The same of lanes that fail."),
    )
}


def show_lag(ends: Mapping[TopicPartition, int], offsets: Mapping[TopicPartition, int]) -> None:
    """The lag of every partition that this member holds; of no other."""
    consumer_lag.clear()
    for tp, offset in offsets.items():
        consumer_lag.labels(tp.topic, tp.partition).set(max(0, ends.get(tp, 0) - offset))


def show_backlog(now: Backlog) -> None:
    for field, gauge in _sampled.items():
        gauge.set(getattr(now, field))


async def sample_backlog(database: Database, stop: asyncio.Event) -> None:
    """Looks every few seconds, so that a scrape asks no database; while that is out of reach the last values stand."""
    out_of_reach = False
    while not stop.is_set():
        try:
            async with database.pool.acquire(timeout=SAMPLE_SECONDS) as connection:
                show_backlog(await backlog(connection))
            out_of_reach = False
        except Exception as error:
            if not out_of_reach:
                log.warning("the backlog cannot be sampled", error=reason(error))
            out_of_reach = True
        await within(SAMPLE_SECONDS, stop)
