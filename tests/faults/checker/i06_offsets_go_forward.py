"""I6: offsets never go back, nothing below them unapplied.

The triggers saw every move as it committed; the sampler saw them from outside, also across a crash of the database itself. An
event below an offset must have been claimed in the transaction that moved it, or before.
"""

from __future__ import annotations

from bisect import bisect_right

from tests.faults.checker.consumption import Consumption, consumers
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence


def examine(evidence: Evidence, look: Look) -> None:
    for consumption in consumers(evidence):
        _forward(consumption, look)
        _claimed_in_time(consumption, look)
    _sampled(evidence, look)


def _forward(consumption: Consumption, look: Look) -> None:
    for (topic, partition), moves in consumption.moves.items():
        named = {"consumer": consumption.name, "topic": topic, "partition": partition}
        at = -1
        for move in moves:
            look.count("moves of offsets")
            if move.new is None:
                look.object("an offset was removed", **named, was=at)
                continue
            look.expect(move.new["next"] >= at, "an offset went back", **named, before=at, after=move.new["next"])
            at = move.new["next"]
        end = consumption.evidence.ends.get(topic, {}).get(partition, 0)
        look.expect(at <= end, "an offset is beyond the end of its partition", **named, offset=at, end=end)


def _claimed_in_time(consumption: Consumption, look: Look) -> None:
    passed = {
        place: [change.new["next"] for change in moves if change.new] for place, moves in consumption.moves.items()
    }
    for delivery in consumption.heard:
        place = (delivery.topic, delivery.partition)
        claims = consumption.claims.get(str(delivery.event_id))
        moves = consumption.moves.get(place, [])
        if not claims or not moves or consumption.is_dead_letter(delivery):
            continue
        covering = bisect_right(passed[place], delivery.offset)
        if covering < len(moves):
            look.count("events below offsets")
            move = moves[covering]
            look.expect(
                claims[0].xid == move.xid or claims[0].n < move.n, "an offset moved past an event that was not handled yet",
                consumer=consumption.name, topic=delivery.topic, partition=delivery.partition, offset=delivery.offset,
            )  # fmt: skip


def _sampled(evidence: Evidence, look: Look) -> None:
    seen: dict[tuple[str, str], int] = {}
    for line in evidence.history.of_kind("sample"):
        service = line["service"]
        for name, value in {**line["offsets"], "epoch of the relay": line["epoch"]}.items():
            look.count("samples of offsets")
            before = seen.get((service, name), 0)
            look.expect(
                value >= before, "an offset was seen to go back", service=service, of=name, before=before, after=value
            )
            seen[service, name] = value
    for service, database in evidence.databases.items():
        for row in database["consumer_offsets"]:
            name = f"{row['consumer']} {row['topic']} {row['partition']}"
            before = seen.get((service, name), 0)
            look.expect(
                row["next"] >= before,
                "an offset that was seen is lost",
                service=service,
                of=name,
                before=before,
                after=row["next"],
            )
