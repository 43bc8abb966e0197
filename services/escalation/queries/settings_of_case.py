"""The numbers in force for a case, and those that were: `/v1/escalation-policies`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from libs.events.values import Severity
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.place import Place
from services.escalation.model.settings import EscalationSettings, policies


@dataclass(frozen=True)
class SettingsOfCase:
    """The versions that hold or held for a case: by severity, each with the instant it began at and its number."""

    versions: dict[Severity, list[tuple[datetime, int, EscalationSettings]]]

    @property
    def changes(self) -> set[datetime]:
        """When other numbers began to hold."""
        return {at for versions in self.versions.values() for at, _, _ in versions[1:]}

    def __call__(self, severity: Severity, at: datetime | None) -> EscalationSettings:
        """The settings in force at `at`; the newest for None."""
        return self._in_force(severity, at)[2]

    def version(self, severity: Severity, at: datetime | None) -> int:
        """The number of the newest version that anybody had made by then; 0 while all are the defaults."""
        return self._in_force(severity, at)[1]

    def _in_force(self, severity: Severity, at: datetime | None) -> tuple[datetime, int, EscalationSettings]:
        known = self.versions[severity]
        return next((each for each in reversed(known) if at is None or each[0] <= at), known[0])


class ReadSettings(Protocol):
    """Reads the numbers for these selectors at an instant, as `policies.at` does."""

    async def __call__(
        self, tx: Transaction, *, plan: str | None, region: str | None, severity: str | None, when: datetime | None
    ) -> EscalationSettings: ...


async def settings_of(case: CaseFile, tx: Transaction, read: ReadSettings = policies.at) -> SettingsOfCase:
    """Needs a case whose opening is known."""
    assert case.opened_at
    versions = sorted((each.valid_from, each.number) for each in await policies.versions(tx))
    first = max((number for begun, number in versions if begun <= case.opened_at), default=0)
    since = [(case.opened_at, first)] + [(begun, number) for begun, number in versions if begun > case.opened_at]
    severities = dict.fromkeys(fact.severity for fact in case.facts if fact.severity)
    place = await place_of(case, tx)
    region = case.region or (place.country if place else None)
    return SettingsOfCase(
        {
            severity: [
                (
                    at,
                    number,
                    (await read(tx, plan=case.plan, region=region, severity=severity, when=at)).at(place),
                )
                for at, number in since
            ]
            for severity in severities
        }
    )


async def settings_now(case: CaseFile, tx: Transaction) -> EscalationSettings:
    """The newest settings for the case's plan, country and severity."""
    place = await place_of(case, tx)
    region = case.region or (place.country if place else None)
    return (await policies.at(tx, plan=case.plan, region=region, severity=case.severity)).at(place)


async def place_of(case: CaseFile, tx: Transaction) -> Place | None:
    """Where the case is; while no decision has said it, where the account's newest case is of which that is known."""
    if case.place or case.region or case.account_id is None:
        return case.place
    elsewhere = sa.select(CaseFile.c.place).where(
        CaseFile.c.account_id == case.account_id, CaseFile.c.place.is_not(None)
    )
    found = await tx.fetch(elsewhere.order_by(CaseFile.c.opened_at.desc().nulls_last(), CaseFile.c.id.desc()).limit(1))
    return Place.model_validate_json(found[0]["place"]) if found else None
