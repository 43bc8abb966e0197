"""Proves from a run's evidence that nothing was lost: invariants I1 to I14, and I18. `python -m tests.faults.checker <folder>`.

What it assumes of a run, and objects to when it is not so: the triggers of tests.faults.audit were installed before the first
command; the run stayed within one outbox partition, and no topic lost records (fact topics keep everything); the evidence was
collected when all was quiet, and the history says so (marks `faults over`, `quiet`); each shipped part has a serial of its own;
attempts send `traceparent(attempt)`; and what the run itself put on topics is in its history (`produced`).
"""

from __future__ import annotations

from collections.abc import Collection

import libs.events.catalogue  # noqa: F401  (a record's kind is known by its contract)
from tests.faults.checker import (
    i01_commands_are_kept,
    i02_events_are_published,
    i03_nothing_is_made_up,
    i04_versions_are_in_order,
    i05_effects_happen_once,
    i06_offsets_go_forward,
    i07_one_key_one_effect,
    i08_timers_fire_once,
    i09_dead_letters_wait,
    i10_tenants_see_their_own,
    i11_replicas_equal_the_log,
    i12_everything_drains,
    i13_parts_are_promised_once,
    i14_technicians_are_in_one_place,
    i18_nobody_is_named,
)
from tests.faults.checker.look import Invariant, Look, Violation
from tests.faults.evidence import Evidence

__all__ = ["I11", "INVARIANTS", "Invariant", "Look", "Violation", "check"]

INVARIANTS = (
    Invariant(
        "I1", "every 2xx command has its state row and an outbox row for each version it emitted", i01_commands_are_kept.examine,
        ("commands answered with 2xx", "rows named by answers", "rows with versions", "aggregates that emitted"),
    ),
    Invariant(
        "I2", "every committed outbox event is in Kafka at least once", i02_events_are_published.examine, ("committed events",)
    ),
    Invariant("I3", "no event in Kafka without a committed row", i03_nothing_is_made_up.examine, ("records",)),
    Invariant(
        "I4", "per aggregate, versions after de-duplication are gap-free and increasing", i04_versions_are_in_order.examine,
        ("aggregates", "events"),
    ),
    Invariant(
        "I5", "effects per (consumer, event) ≤ 1, and = 1 once quiet unless dead-lettered", i05_effects_happen_once.examine,
        ("events heard", "events that brought about others", "events of the stream", "events before the witness", "acts"),
    ),
    Invariant(
        "I6", "offsets never go back, nothing below them unapplied", i06_offsets_go_forward.examine,
        ("moves of offsets", "events below offsets", "samples of offsets"),
    ),
    Invariant(
        "I7", "same Idempotency-Key → one effect, byte-identical replay", i07_one_key_one_effect.examine,
        ("keys", "keys used again", "keys with events", "kept answers"),
    ),
    Invariant(
        "I8", "a timer generation fires once or is cancelled, never both, never early", i08_timers_fire_once.examine,
        ("timers fired", "timers cancelled", "events that timers and jobs emitted"),
    ),
    Invariant(
        "I9", "dead letters complete and replayable, a parked key is never overtaken", i09_dead_letters_wait.examine,
        ("dead letters", "keys"),
    ),
    Invariant(
        "I10", "no other tenant's data in any response, event or stream frame", i10_tenants_see_their_own.examine,
        ("ids with an account", "responses to tenants", "frames to tenants", "events of accounts"),
    ),
    Invariant(
        "I12", "everything drains in bounded time after faults stop", i12_everything_drains.examine,
        ("marks", "partitions", "databases"),
    ),
    Invariant(
        "I13", "a part is never promised twice, stock never negative", i13_parts_are_promised_once.examine,
        ("changes of stock", "samples of stock", "movements of stock", "RMAs"),
    ),
    Invariant(
        "I14", "no technician in two places", i14_technicians_are_in_one_place.examine,
        ("bookings", "appointments", "changes of bookings"),
    ),
    Invariant(
        "I18", "nothing but what can forget says who somebody is", i18_nobody_is_named.examine,
        ("names and addresses", "rows looked through", "records looked through"),
    ),
)  # fmt: skip
I11 = "every replica equals its rebuild from the log"


async def check(
    evidence: Evidence, admin_url: str | None, *, only: Collection[str] = (), material: bool = True
) -> list[Look]:
    """What was looked at and objected to, invariant by invariant; no violation in any of them is the proof.

    `admin_url` is a PostgreSQL on which replicas are rebuilt (I11); None leaves that invariant out. Without `material` an
    invariant whose evidence is empty is no objection: for evidence that is about one of them alone.
    """
    looks = [each.look(evidence, material=material) for each in INVARIANTS if not only or each.name in only]
    if admin_url and (not only or "I11" in only):
        look = Look("I11")
        await i11_replicas_equal_the_log.examine(evidence, look, admin_url)
        if material:
            look.expect(look.counts["rows of replicas"] > 0, "nothing is proven: the evidence has no rows of replicas")
        looks.append(look)
    return sorted(looks, key=lambda look: int(look.invariant[1:]))
