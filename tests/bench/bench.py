"""What a bench is: variants of equal work measured in turns, and the bars that their medians have to pass."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.bench.engines import Engines

Role = Literal["ours", "peer", "limit", "route"]
"""`peer`: what others use. `limit`: what the engines give with nothing of ours between. `route`: ours by another way, to compare."""

Measure = Callable[[float], Awaitable[float]]
"""Works for about so many seconds and gives one sample in the bench's unit. Work of a fixed size may take its own time."""

Samples = Mapping[str, Sequence[float]]
"""By the variant's name, in the order they were taken."""

WARM_UP_SECONDS = 3.0


@dataclass(frozen=True)
class Variant:
    """One way to do the work. `run` sets it up, yields what measures it, and takes it down."""

    name: str
    role: Role
    run: Callable[[Engines], AbstractAsyncContextManager[Measure]]


@dataclass(frozen=True)
class Bar:
    """What has to hold: the median of `over` through that of `under` (or less it, with `difference`); of `over` alone without `under`.

    `at_least` fails the run when missed; `aim` is what we want. With `less_is_better` both are the most that is allowed.
    """

    over: str
    under: str | None
    at_least: float
    aim: float
    text: str
    less_is_better: bool = False
    difference: bool = False

    @property
    def is_ratio(self) -> bool:
        return self.under is not None and not self.difference

    def value(self, samples: Samples) -> float:
        """Of the medians."""
        return self._compared(median(samples[self.over]), median(samples[self.under]) if self.under else 0.0)

    def range(self, samples: Samples) -> tuple[float, float]:
        """The lowest and the highest among the rounds, each of which had the same machine to itself."""
        unders = samples[self.under] if self.under else [0.0] * len(samples[self.over])
        rounds = [self._compared(over, under) for over, under in zip(samples[self.over], unders, strict=True)]
        return min(rounds), max(rounds)

    def passes(self, value: float, bound: float) -> bool:
        return value <= bound if self.less_is_better else value >= bound

    def _compared(self, over: float, under: float) -> float:
        return over / under if self.is_ratio else over - under


@dataclass(frozen=True)
class Bench:
    """`unit` is that of every sample: "/s", "ms", "MiB". `repetitions` overrides the run's for work that takes long."""

    id: str
    title: str
    unit: str
    variants: Sequence[Variant]
    bars: Sequence[Bar]
    repetitions: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a bar about a variant that is not there."""
        named = {name for bar in self.bars for name in (bar.over, bar.under) if name}
        if absent := named - {variant.name for variant in self.variants}:
            raise ValueError(f"{self.id}: no variant {', '.join(sorted(absent))}")


Tell = Callable[[str, int, float | None], None]
"""Hears what happens: the variant, the round (0 is the warm-up), the sample once there is one."""


async def take_turns(
    bench: Bench, engines: Engines, *, seconds: float, repetitions: int, tell: Tell
) -> dict[str, list[float]]:
    """Every variant set up, warmed up, then measured in turns (a b c a b c …), so that what else the machine does hits all alike."""
    async with AsyncExitStack() as stack:
        measures: dict[str, Measure] = {}
        for variant in bench.variants:
            tell(variant.name, 0, None)
            measures[variant.name] = await stack.enter_async_context(variant.run(engines))
        gc.collect()
        gc.freeze()  # what one variant has set up is not looked through while another is measured
        for name, measure in measures.items():
            tell(name, 0, await measure(min(seconds, WARM_UP_SECONDS)))
        samples: dict[str, list[float]] = {name: [] for name in measures}
        for turn in range(1, (bench.repetitions or repetitions) + 1):
            for name, measure in measures.items():
                tell(name, turn, None)
                samples[name].append(await measure(seconds))
                tell(name, turn, samples[name][-1])
    return samples
