"""What a run found: `bench/results/<id>.json`, from which charts and the table in docs/performance.md are made."""

import datetime as dt
import re
from functools import cached_property
from pathlib import Path
from statistics import median

from pydantic import BaseModel, computed_field

from tests.bench.bench import Bar, Bench, Role, Samples

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"


class Measured(BaseModel):
    """A variant's samples in the order they were taken."""

    name: str
    role: Role
    samples: list[float]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def low(self) -> float:
        return min(self.samples)

    @property
    def high(self) -> float:
        return max(self.samples)


class Outcome(BaseModel):
    """What became of a bar: the value of the medians, the range over the rounds."""

    bar: Bar
    value: float
    low: float
    high: float

    @property
    def missed(self) -> bool:
        return not self.bar.passes(self.value, self.bar.at_least)

    @property
    def verdict(self) -> str:
        if self.missed:
            return "missed"
        return "aim reached" if self.bar.passes(self.value, self.bar.aim) else "passed"


class Result(BaseModel):
    """One bench, one run."""

    id: str
    title: str
    unit: str
    date: dt.date
    seconds: float
    machine: str
    versions: dict[str, str]
    variants: list[Measured]
    bars: list[Bar]
    notes: dict[str, str]

    @classmethod
    def of(
        cls, bench: Bench, samples: Samples, *, on: dt.date, seconds: float, machine: str, versions: dict[str, str],
        notes: dict[str, str],
    ) -> "Result":  # fmt: skip
        return cls(
            id=bench.id, title=bench.title, unit=bench.unit, date=on, seconds=seconds, machine=machine, versions=versions,
            variants=[Measured(name=v.name, role=v.role, samples=list(samples[v.name])) for v in bench.variants],
            bars=list(bench.bars), notes=notes,
        )  # fmt: skip

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def outcomes(self) -> list[Outcome]:
        samples = {variant.name: variant.samples for variant in self.variants}
        found = []
        for bar in self.bars:
            low, high = bar.range(samples)
            found.append(Outcome(bar=bar, value=bar.value(samples), low=low, high=high))
        return found

    def variant(self, name: str) -> Measured:
        return next(variant for variant in self.variants if variant.name == name)

    def write(self, folder: Path = RESULTS) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{self.id}.json"
        place.write_text(self.model_dump_json(indent=1, exclude={"outcomes": {"__all__": {"bar"}}}) + "\n")
        return place


def all_results(folder: Path = RESULTS) -> list[Result]:
    """In the order of their ids, B9 before B10."""
    read = [Result.model_validate_json(file.read_text()) for file in folder.glob("*.json")]
    return sorted(read, key=lambda result: _order(result.id))


def measured(id: str, variant: str, folder: Path = RESULTS) -> float:
    """The median that another bench has found on this machine. Raises LookupError before it was run."""
    file = folder / f"{id}.json"
    if not file.is_file():
        raise LookupError(f"this bench begins with what {id} measures: make bench ONLY={id}")
    return Result.model_validate_json(file.read_text()).variant(variant).median


def _order(id: str) -> tuple[int, str]:
    number = re.match(r"B(\d+)", id)
    return int(number[1]) if number else 0, id
