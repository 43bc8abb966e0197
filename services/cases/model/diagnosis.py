"""A diagnosis: what is wrong and what cures it. It stands until withdrawn, beside others."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.events.values import Confidence, Domain, Remedy
from libs.kit.problems import Conflict, Unprocessable
from libs.store import Entity
from services.cases.model.case_values import Redacted


class DiagnosisWithdrawnAlready(Conflict):
    """A diagnosis is withdrawn once."""


class WhichPartner(Unprocessable):
    """No standing diagnosis names the one partner that is meant."""


class Diagnosis(Entity, table="diagnoses", indexes=("case_id",)):
    """An engineer's finding. It causes what happens elsewhere: RMAs, visits and engagements carry its id."""

    account_id: UUID
    case_id: UUID
    component: str
    fault_code: str
    domain: Domain
    remedy: Remedy
    part_number: str | None = None
    whole_unit: bool
    partner_id: UUID | None = None
    findings: str
    confidence: Confidence
    diagnosed_by: str
    diagnosed_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_because: str | None = None
    redacted: Redacted | None = None

    @property
    def stands(self) -> bool:
        """Whether it was not withdrawn."""
        return self.withdrawn_at is None

    @property
    def calls_for_a_part(self) -> bool:
        """Whether its remedy is to send a part."""
        return self.remedy in ("replace_part", "onsite_replacement")

    def withdraw(self, reason: str, by: str, at: datetime) -> None:
        """Raises DiagnosisWithdrawnAlready."""
        if not self.stands:
            raise DiagnosisWithdrawnAlready(
                "This diagnosis was withdrawn before; make a new one.", state="withdrawn", possible=[]
            )
        self.withdrawn_at, self.withdrawn_by, self.withdrawn_because = at, by, reason

    def facts(self) -> dict[str, Any]:
        """The fields by name, as `FaultDiagnosed` takes them."""
        return {"diagnosis_id": self.id, **vars(self)}


def the_partner_of(diagnoses: Iterable[Diagnosis]) -> UUID:
    """The one partner that those that stand name. Raises WhichPartner."""
    partners = {d.partner_id for d in diagnoses if d.partner_id and d.stands}
    if len(partners) != 1:
        raise WhichPartner("Say with which partner: partner_id.", diagnosed=sorted(map(str, partners)))
    return partners.pop()
