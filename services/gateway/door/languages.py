"""Which language, and which coding, a caller takes: RFC 9110, sections 12.5.3 and 12.5.4."""

from collections.abc import Sequence
from functools import lru_cache

_LONGEST = 200
"""Nobody needs more to say it; what is longer is not remembered, and says nothing."""


def wanted(header: str | None, offered: Sequence[str]) -> str | None:
    """The one of those offered that the header weighs most, of equals the one offered first; None where it takes none of them.

    `vi-VN` is served by `vi`.
    """
    if not header or len(header) > _LONGEST:
        return None
    return _wanted(header.lower(), tuple(offered))


@lru_cache(500)
def _wanted(header: str, offered: tuple[str, ...]) -> str | None:
    weights = dict(map(_weighed, header.split(",")))
    named = {name.partition("-")[0]: weight for name, weight in reversed(weights.items())} | weights
    found = [(named.get(each, weights.get("*", 0.0)), each) for each in offered]
    weight, best = max(found, key=lambda pair: pair[0])
    return best if weight > 0 else None


def _weighed(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in item.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, min(float(parameter[2:]), 1.0)
            except ValueError:
                return name, 0.0
    return name, 1.0
