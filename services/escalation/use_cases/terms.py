"""The numbers in force for a case: `/v1/escalation-policies`, and what a new version means for the cases under way."""

from dataclasses import dataclass
from datetime import datetime

from libs.events.values import Severity
from libs.kit.http import Caller, Tx
from libs.kit.policies import ChangePolicy, Policies, PolicyVersion
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.settings import EscalationSettings

RECOMPUTE = "recompute"


class ClockPolicies(Policies[EscalationSettings]):
    """A new version makes every case under way recompute what is due."""

    async def _change(self, command: ChangePolicy, tx: Tx, caller: Caller) -> PolicyVersion:
        version = await super()._change(command, tx, caller)
        for case in await tx.select(CaseFile, CaseFile.c.state.in_(("open", "assessing"))):
            tx.set_timer(case, RECOMPUTE, tx.now)
        return version


policies = ClockPolicies("escalation", EscalationSettings)


@dataclass(frozen=True)
class TermsOfCase:
    """The versions that hold or held for a case, each from its instant on."""

    versions: dict[Severity, list[tuple[datetime, int, EscalationSettings]]]

    def __call__(self, severity: Severity, at: datetime | None) -> EscalationSettings:
        return self._in_force(severity, at)[2]

    def version(self, severity: Severity, at: datetime | None) -> int:
        """The newest version that anybody had made by then; 0 while all are the defaults."""
        return self._in_force(severity, at)[1]

    def _in_force(self, severity: Severity, at: datetime | None) -> tuple[datetime, int, EscalationSettings]:
        known = self.versions[severity]
        return next((each for each in reversed(known) if at is None or each[0] <= at), known[0])


async def terms_of(case: CaseFile, tx: Transaction) -> TermsOfCase:
    """Needs a case whose opening is known."""
    assert case.opened_at
    rows = await tx.connection.fetch(
        "SELECT number, valid_from FROM policies WHERE valid_from <= $1 ORDER BY number", tx.now
    )
    first = max((row["number"] for row in rows if row["valid_from"] <= case.opened_at), default=0)
    since = [(case.opened_at, first)] + [
        (row["valid_from"], row["number"]) for row in rows if row["valid_from"] > case.opened_at
    ]
    severities = dict.fromkeys(fact.severity for fact in case.facts if fact.severity)
    return TermsOfCase(
        {
            severity: [
                (at, number, await policies.at(tx, plan=case.plan, region=case.region, severity=severity, when=at))
                for at, number in since
            ]
            for severity in severities
        }
    )
