"""I12: everything drains in bounded time after faults stop.

The history says when the last fault ended and when the run saw nothing left to do; that nothing is left is proven here.
"""

from __future__ import annotations

from datetime import datetime

from tests.faults.checker.consumption import consumers
from tests.faults.checker.i08_timers_fire_once import overdue
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence
from tests.faults.history import FAULTS_OVER, QUIET

BOUND_SECONDS = 60.0
JOB_SECONDS = 120.0
"""A call to the outside is late once its lease (60 s) and its longest back-off (60 s) are over."""


def examine(evidence: Evidence, look: Look) -> None:
    _in_time(evidence, look)
    for consumption in consumers(evidence):
        for topic in consumption.handlers.topics:
            for partition, end in evidence.ends.get(topic, {}).items():
                look.count("partitions")
                at = consumption.next.get((topic, partition), 0)
                look.expect(
                    at >= end, "records were not consumed",
                    consumer=consumption.name, topic=topic, partition=partition, offset=at, end=end,
                )  # fmt: skip
    for database in evidence.databases.values():
        look.count("databases")
        for timer in overdue(database):
            look.object("a timer that is due has not fired", service=database.service, **timer)
        for job in database["jobs"]:
            late = (datetime.fromisoformat(database.wall) - datetime.fromisoformat(job["due_at"])).total_seconds()
            look.expect(
                late < JOB_SECONDS, "a call to the outside was not made",
                service=database.service, kind=job["kind"], reference=job["reference"], late_seconds=late,
            )  # fmt: skip


def _in_time(evidence: Evidence, look: Look) -> None:
    over, quiet = evidence.history.mark(FAULTS_OVER), evidence.history.mark(QUIET)
    if over is None or quiet is None or quiet < over:
        look.object("the history does not say that it became quiet after the last fault", faults_over=over, quiet=quiet)
        return
    look.count("marks", 2)
    took = quiet - over
    look.expect(took <= BOUND_SECONDS, "it took too long to drain", seconds=round(took, 1), bound=BOUND_SECONDS)
    open_faults = [line for line in evidence.history.of_kind("fault") if line["tick"] > over]
    look.expect(not open_faults, "a fault came after the last one", faults=len(open_faults))
