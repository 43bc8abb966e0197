"""A version of the numbers that nobody has made yet: how they would stand if it had held all along."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from libs.store import Transaction
from services.escalation.model.settings import EscalationSettings, policies


@dataclass(frozen=True)
class Draft:
    """`settings` override, for those whom the selectors fit, what weighs less; heavier versions override it. None changes nothing."""

    plan: str | None
    region: str | None
    severity: str | None
    settings: dict[str, Any] | None
    _made: dict[object, EscalationSettings] = field(default_factory=dict)

    async def at(
        self,
        tx: Transaction,
        *,
        plan: str | None,
        region: str | None,
        severity: str | None,
        when: datetime | None = None,
    ) -> EscalationSettings:
        """The numbers then, with the draft in the place of what holds for its selectors. Raises pydantic's ValidationError."""
        own, wanted = (self.plan, self.region, self.severity), (plan, region, severity)
        fits = all(named is None or named == want for named, want in zip(own, wanted, strict=True))
        if self.settings is None or not fits:
            return await policies.at(tx, plan=plan, region=region, severity=severity, when=when)
        held = [
            row for row in await policies.versions(tx) if row.selectors != own and row.holds(wanted, when or tx.now)
        ]
        numbers = tuple(row.number for row in held)
        if numbers not in self._made:
            versions = [*((row.selectors, row.settings) for row in held), (own, self.settings)]
            by_weight = sorted(versions, key=lambda version: sum(each is not None for each in version[0]))
            merged = {name: value for _, settings in by_weight for name, value in settings.items()}
            self._made[numbers] = EscalationSettings.model_validate(merged)
        return self._made[numbers]
