"""The benches' own arithmetic: turns, ratios, bars, the table; quick, and without an engine."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bench import report, workload
from tests.bench.b6_story import held
from tests.bench.bench import Bar, Bench, Measure, Role, Variant, take_turns
from tests.bench.engines import Engines
from tests.bench.results import Result, all_results, measured

AT_LEAST_TWICE = Bar("ours", "peer", at_least=2.0, aim=4.0, text="ours vs the peer")


def a_variant(name: str, said: list[str], role: Role = "ours") -> Variant:
    @asynccontextmanager
    async def run(_: Engines) -> AsyncIterator[Measure]:
        async def measure(seconds: float) -> float:
            said.append(name)
            return seconds

        said.append(f"{name} up")
        yield measure
        said.append(f"{name} down")

    return Variant(name, role, run)


def a_bench(said: list[str] | None = None, bars: tuple[Bar, ...] = (AT_LEAST_TWICE,), unit: str = "/s") -> Bench:
    said = said if said is not None else []
    return Bench("B0", "a bench", unit, [a_variant("ours", said), a_variant("peer", said, "peer")], bars)


def a_result(ours: list[float], peer: list[float], *bars: Bar, unit: str = "/s") -> Result:
    return Result.of(
        a_bench(bars=bars or (AT_LEAST_TWICE,), unit=unit), {"ours": ours, "peer": peer}, on=dt.date(2026, 1, 2), seconds=7,
        machine="2 cores", versions={"PostgreSQL": "18"}, notes={},
    )  # fmt: skip


async def test_variants_are_measured_in_turns_after_one_warm_up_and_taken_down_in_reverse() -> None:
    said: list[str] = []
    samples = await take_turns(a_bench(said), Engines(), seconds=5, repetitions=2, tell=lambda *_: None)
    assert said == [
        "ours up", "peer up", "ours", "peer", *("ours", "peer") * 2, "peer down", "ours down",
    ]  # fmt: skip
    assert samples == {"ours": [5, 5], "peer": [5, 5]}


async def test_a_bench_that_says_how_often_is_measured_that_often() -> None:
    bench = Bench("B0", "long work", "/s", [a_variant("ours", [])], [], repetitions=3)
    samples = await take_turns(bench, Engines(), seconds=1, repetitions=5, tell=lambda *_: None)
    assert len(samples["ours"]) == 3


def test_a_ratio_is_that_of_the_medians_and_its_range_that_of_the_rounds() -> None:
    (outcome,) = a_result([300.0, 900.0, 310.0], [100.0, 100.0, 155.0]).outcomes
    assert [outcome.value, outcome.low, outcome.high] == pytest.approx([3.1, 2.0, 9.0])
    assert outcome.verdict == "passed"


@pytest.mark.parametrize(
    ("bar", "ours", "peer", "verdict"),
    [
        (AT_LEAST_TWICE, 199.0, 100.0, "missed"),
        (AT_LEAST_TWICE, 200.0, 100.0, "passed"),
        (AT_LEAST_TWICE, 400.0, 100.0, "aim reached"),
        (Bar("ours", "peer", 1.5, 0.7, "added", less_is_better=True, difference=True), 3.0, 1.4, "missed"),
        (Bar("ours", "peer", 1.5, 0.7, "added", less_is_better=True, difference=True), 2.0, 1.4, "aim reached"),
        (Bar("ours", None, 250.0, 120.0, "in all", less_is_better=True), 200.0, 1.0, "passed"),
    ],
)
def test_a_bar_is_missed_passed_or_its_aim_reached(bar: Bar, ours: float, peer: float, verdict: str) -> None:
    (outcome,) = a_result([ours], [peer], bar).outcomes
    assert outcome.verdict == verdict


def test_a_bar_about_a_variant_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        a_bench(bars=(Bar("ours", "nobody", 1, 1, ""),))


def test_the_page_is_current_after_writing_and_no_more_once_a_sample_differs(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    file = a_result([1811.0], [386.0]).write(tmp_path)
    report.write(tmp_path, page)
    text = page.read_text()
    assert "| B0 | ours vs the peer | 1,811/s vs 386/s | **4.69×** |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert report.is_current(tmp_path, page)

    changed = json.loads(file.read_text())
    changed["variants"][0]["samples"] = [1700.0]
    file.write_text(json.dumps(changed))
    assert not report.is_current(tmp_path, page)


def test_results_come_back_as_they_were_written_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for id in ("B10", "B2b", "B2"):
        a_result([2.0], [1.0]).model_copy(update={"id": id}).write(tmp_path)
    read = all_results(tmp_path)
    assert [result.id for result in read] == ["B2", "B2b", "B10"]
    assert read[0].variants == a_result([2.0], [1.0]).variants


def test_the_workload_is_400_bytes_each_busy_for_few_and_the_same_every_time() -> None:
    facts = list(workload.readings(2_000))
    assert {len(fact.model_dump_json().encode()) for fact in facts} == {workload.BYTES}
    assert facts[:50] == list(workload.readings(50))
    of_the_busiest = [fact.number for fact in facts if fact.device_id == workload.device(0)]
    assert of_the_busiest == list(range(1, len(of_the_busiest) + 1))
    assert 0.07 < len(of_the_busiest) / len(facts) < 0.14  # 1 / (ln 10,000 + 0.58)


def test_what_stories_a_machine_takes_is_the_step_before_the_first_that_is_late() -> None:
    assert held([(1.0, 0.2), (2.0, 0.4), (3.0, 0.9), (4.0, 0.3)], 0.5) == 2.0
    assert held([(1.0, 0.2)], 0.5) == 1.0
    with pytest.raises(RuntimeError, match=r"at 1 stories a second the p99 is 0\.60 s, over 0\.50 s"):
        held([(1.0, 0.6)], 0.5)


def test_a_bench_that_begins_with_anothers_figure_reads_it_or_says_what_to_run(tmp_path: Path) -> None:
    a_result([4, 8, 6], [2, 2, 2]).write(tmp_path)
    assert measured("B0", "ours", tmp_path) == 6
    with pytest.raises(LookupError, match="make bench ONLY=B1"):
        measured("B1", "Poly+", tmp_path)
