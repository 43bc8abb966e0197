"""Policies: the numbers that the business may change at run time, as versioned data with who and why.

A service describes its policy as one pydantic model whose defaults are the seeded values. A stored version overrides some of its
fields, for everybody or for a plan, a region (country code) or a severity; the more of these a version names, the more it weighs.
Versions are never changed: a newer one for the same selectors ends the one before. `libs.kit.policy_routes` serves them.
"""

from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import pydantic_core
from pydantic import BaseModel

from libs.store import Reference, Transaction

P = TypeVar("P", bound=BaseModel)
_ALL = """
SELECT number, plan, region, severity, valid_from, valid_to, settings FROM policies
 ORDER BY (plan IS NOT NULL)::int + (region IS NOT NULL)::int + (severity IS NOT NULL)::int, number
"""


class Version(NamedTuple):
    """What one overrides, for whom, from when."""

    number: int
    selectors: tuple[str | None, str | None, str | None]  # plan, region, severity; None: any
    valid_from: datetime
    valid_to: datetime | None
    settings: dict[str, Any]

    def holds(self, wanted: tuple[str | None, str | None, str | None], at: datetime) -> bool:
        fits = all(named is None or named == want for named, want in zip(self.selectors, wanted, strict=True))
        return fits and self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class _Kept(NamedTuple, Generic[P]):
    """All versions, those that weigh more later, and what was made of them, by their numbers."""

    rows: list[Version]
    models: dict[tuple[int, ...], P]


class Policies(Generic[P]):
    """`policies = Policies("rma", RmaPolicy)`; `await policies.at(tx, plan=…)` reads what is in force.

    `sent` is the model of new settings where they are held to more than `model`, which has to read all that was ever taken.
    """

    def __init__(self, service: str, model: type[P], *, sent: type[P] | None = None) -> None:
        self.service, self.model, self.sent = service, model, sent or model
        self._kept: Reference[_Kept[P]] = Reference(_read)

    async def at(
        self, tx: Transaction, *, plan: str | None = None, region: str | None = None, severity: str | None = None,
        when: datetime | None = None,
    ) -> P:  # fmt: skip
        """The policy in force at `when` (now, unless told) for these selectors."""
        kept = await self._kept(tx)
        wanted = (plan, region, severity)
        held = tuple(row for row in kept.rows if row.holds(wanted, when or tx.now))
        numbers = tuple(row.number for row in held)
        if numbers not in kept.models:
            merged = {name: value for row in held for name, value in row.settings.items()}
            kept.models[numbers] = self.model.model_validate(merged)
        return kept.models[numbers]

    async def versions(self, tx: Transaction) -> list[Version]:
        """Every version for any selectors that is or has been in force, those that weigh more later; to be looked at only."""
        return [row for row in (await self._kept(tx)).rows if row.valid_from <= tx.now]


async def _read(tx: Transaction) -> _Kept[Any]:
    rows = [
        Version(number, (plan, region, severity), since, until, pydantic_core.from_json(settings))
        for number, plan, region, severity, since, until, settings in await tx.connection.fetch(_ALL)
    ]
    return _Kept(rows, {})
