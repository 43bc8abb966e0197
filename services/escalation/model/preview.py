"""What fires otherwise under other numbers: nothing but a comparison of thresholds."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.escalation.model.thresholds import Threshold


@dataclass(frozen=True)
class Difference:
    """One threshold as it is in force and as it would be; None where it does not fire."""

    in_force: Threshold | None
    draft: Threshold | None

    @property
    def either(self) -> Threshold:
        """The one in force, if there is one."""
        found = self.in_force or self.draft
        assert found
        return found


def differences(in_force: Iterable[Threshold], draft: Iterable[Threshold]) -> list[Difference]:
    """Those that fire at another instant, only under one of the two, or raise under one alone; by what is in force first."""
    now, then = ({each.mark: each for each in found} for found in (in_force, draft))
    both = [Difference(now.get(mark), then.get(mark)) for mark in {**now, **then}]
    return sorted(
        (each for each in both if _effect(each.in_force) != _effect(each.draft)),
        key=lambda each: (each.either.due_at, each.either.mark),
    )


def _effect(threshold: Threshold | None) -> object:
    return threshold and (threshold.due_at, threshold.raises)
