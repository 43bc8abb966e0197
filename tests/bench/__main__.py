"""`python -m tests.bench`: measures, writes bench/results, the charts and the table; ends with 1 when a bar is missed."""

import argparse
import importlib
import pkgutil
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import tests.bench
from tests.bench import report
from tests.bench.bench import Bench, Tell, take_turns
from tests.bench.engines import Engines
from tests.bench.figures import with_unit
from tests.bench.machine import machine, versions
from tests.bench.results import Result

_CONSOLE = Console(highlight=False)


def benches(only: Sequence[str] = ()) -> list[Bench]:
    """Every BENCH (or BENCHES) of the modules b*.py, or those with these ids. Raises SystemExit for an id that is nobody's."""
    found: list[Bench] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(tests.bench.__path__)):
        if module.startswith("b") and module != "bench":
            loaded = importlib.import_module(f"tests.bench.{module}")
            found += getattr(loaded, "BENCHES", None) or [loaded.BENCH]
    if unknown := set(only) - {bench.id for bench in found}:
        sys.exit(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(bench.id for bench in found)}")
    return [bench for bench in found if not only or bench.id in only]


def main() -> int:
    arguments = _arguments()
    chosen = benches(arguments.only)
    if arguments.list:
        for bench in chosen:
            print(f"{bench.id:<8}{bench.title}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bad: list[str] = []
    try:
        with Engines() as engines:
            for bench in chosen:
                bad += _measured(bench, engines, arguments.seconds, arguments.repetitions)
    except KeyboardInterrupt:
        return 130
    for line in bad:
        print(f"poly+: {line}", file=sys.stderr)
    return 1 if bad else 0


def _measured(bench: Bench, engines: Engines, seconds: float, repetitions: int) -> list[str]:
    """Measures, writes and shows one; a line for each bar it missed."""
    engines.notes = {}
    try:
        samples = _shown(bench, engines, seconds, repetitions)
    except Exception as error:  # one that breaks is told at the end; the others are measured all the same
        traceback.print_exc()
        return [f"{bench.id} broke: {error!r}"]
    result = Result.of(
        bench, samples, on=datetime.now(UTC).date(), seconds=seconds, machine=machine(), versions=versions(), notes=engines.notes
    )  # fmt: skip
    result.write()
    report.write()
    for variant in result.variants:
        low, high = with_unit(variant.low, bench.unit), with_unit(variant.high, bench.unit)
        print(f"  {variant.name:<44} {with_unit(variant.median, bench.unit):>12}   ({low} – {high})")
    for name, text in result.notes.items():
        print(f"  {name}: {text}")
    for outcome in result.outcomes:
        print(f"  {outcome.bar.text}: {report.shown(outcome, bench.unit)}, {outcome.verdict}")
    return [
        f"{bench.id} missed: {outcome.bar.text}: {report.shown(outcome, bench.unit)}"
        for outcome in result.outcomes
        if outcome.missed
    ]


def _shown(bench: Bench, engines: Engines, seconds: float, repetitions: int) -> dict[str, list[float]]:
    _CONSOLE.print(f"[bold]{bench.id}[/bold] {bench.title}")
    rounds = bench.repetitions or repetitions

    def work(tell: Tell) -> dict[str, list[float]]:
        return uvloop.run(take_turns(bench, engines, seconds=seconds, repetitions=rounds, tell=tell))

    if not _CONSOLE.is_terminal:
        return work(lambda name, turn, sample: _line(bench, rounds, name, turn, sample))
    columns = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_CONSOLE, transient=True) as progress:
        task = progress.add_task("starting", total=(rounds + 1) * len(bench.variants))

        def tell(name: str, turn: int, sample: float | None) -> None:
            what = (
                "setting up" if turn == 0 and sample is None else f"round {turn} of {rounds}" if turn else "warming up"
            )
            progress.update(task, description=f"{what}: {name}", advance=0 if sample is None else 1)

        return work(tell)


def _line(bench: Bench, rounds: int, name: str, turn: int, sample: float | None) -> None:
    if sample is not None:
        print(f"  {turn}/{rounds}  {name:<44} {with_unit(sample, bench.unit)}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only", action="extend", nargs="+", default=[], metavar="ID", help="these benches, such as B3"
    )
    parser.add_argument("--seconds", type=float, default=7.0, help="how long one sample takes (7)")
    parser.add_argument("--repetitions", type=int, default=5, help="samples of each variant (5)")
    parser.add_argument("--list", action="store_true", help="what there is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
