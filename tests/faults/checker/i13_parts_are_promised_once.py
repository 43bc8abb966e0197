"""I13: a part is never promised twice, stock never negative.

Every version of every row of stock that ever committed, what the sampler saw, and the movements against the rows and the RMAs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.faults.checker.look import Look
from tests.faults.evidence import Database, Evidence, Row

_NOT_ON_HAND = frozenset({"reserve", "release"})


def examine(evidence: Evidence, look: Look) -> None:
    database = evidence.databases.get("rma")
    if database is None:
        return
    for change in database.changes("stock"):
        if change.new:
            look.count("changes of stock")
            _possible(change.new, look)
    for line in evidence.history.of_kind("sample"):
        for id, (on_hand, reserved, quarantined) in line.get("stock", {}).items():
            look.count("samples of stock")
            _possible({"id": id, "on_hand": on_hand, "reserved": reserved, "quarantined": quarantined}, look)
    _movements(database, look)
    _rmas(database, look)
    _serials(database, look)


def _possible(stock: Row, look: Look) -> None:
    look.expect(
        0 <= stock["reserved"] <= stock["on_hand"] and stock["quarantined"] >= 0, "stock was negative or promised twice",
        **{name: stock[name] for name in ("id", "on_hand", "reserved", "quarantined")},
    )  # fmt: skip


def _movements(database: Database, look: Look) -> None:
    on_hand: Counter[str] = Counter()
    reserved: Counter[str] = Counter()
    for movement in database["stock_movements"]:
        look.count("movements of stock")
        id, kind = movement["stock_id"], movement["kind"]
        on_hand[id] += 0 if kind in _NOT_ON_HAND else movement["quantity"]
        reserved[id] += {"reserve": 1, "release": -1, "ship": -1}.get(kind, 0)
    for stock in database["stock"]:
        look.count("rows of stock")
        _possible(stock, look)
        said = {"on_hand": on_hand[stock["id"]], "reserved": reserved[stock["id"]]}
        is_so = {name: stock[name] for name in said}
        look.expect(
            is_so == said, "stock is not what its movements make it", id=stock["id"], stock=is_so, movements=said
        )


def _rmas(database: Database, look: Look) -> None:
    """An RMA holds at most one part, and one exactly while it is reserved."""
    by_rma: dict[str, list[Row]] = defaultdict(list)
    for movement in sorted(database["stock_movements"], key=lambda each: (each["at"], each["id"])):
        if movement["rma_id"]:
            by_rma[movement["rma_id"]].append(movement)
    for rma in database["rmas"]:
        look.count("RMAs")
        kinds = Counter(movement["kind"] for movement in by_rma[rma["id"]])
        held = kinds["reserve"] - kinds["release"] - kinds["ship"]
        named = {"rma": rma["id"], "state": rma["state"], "movements": dict(kinds)}
        look.expect(
            held == (rma["state"] == "reserved"), "an RMA holds another number of parts than it should", **named
        )
        look.expect(kinds["ship"] <= 1, "an RMA's part was shipped twice", **named)
    places = {(stock["depot_id"], stock["part_number"]): stock for stock in database["stock"]}
    kept = Counter((r["depot_id"], r["part_number"]) for r in database["rmas"] if r["state"] == "reserved")
    for place, stock in places.items():
        look.expect(
            stock["reserved"] == kept[place], "other parts are kept than RMAs are reserved",
            depot=place[0], part=place[1], kept=stock["reserved"], rmas=kept[place],
        )  # fmt: skip


def _serials(database: Database, look: Look) -> None:
    """A serial that is out with one customer cannot be out with another; one that came back unused may go out again."""
    out: dict[Any, list[str]] = defaultdict(list)
    for rma in database["rmas"]:
        if (
            rma["shipped_serial"]
            and rma["state"] in ("shipped", "delivered", "closed")
            and rma["returns"] == "defective"
        ):
            out[rma["part_number"], rma["shipped_serial"]].append(rma["id"])
    for (part, serial), rmas in out.items():
        look.expect(len(rmas) == 1, "one part was sent twice", part=part, serial=serial, rmas=rmas)
