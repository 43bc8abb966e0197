"""What onsite knows of a case so far: its coverage, the diagnoses that want a technician, their parts."""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.cases_work import FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.values import Contact, Domain, Instant, Product, Site
from libs.kit.case_files import CaseClosedToCommands
from libs.store import Entity

PartStatus = Literal[
    "reserved", "backordered", "shipped", "delivered", "denied", "cancelled", "lost", "dead_on_arrival"
]
_USELESS = frozenset({"lost", "dead_on_arrival"})
_ARRIVING = frozenset({"reserved", "shipped", "delivered"})

VISIT_MISSED = "visit_missed"
"""The timer that notices when nobody set out; what follows the colon is the work order."""
VISIT_LATE = "visit_late"
"""The timer that puts a visit whose technician is still on the way before the dispatcher; what follows the colon is the work order."""
VISIT_OVER = "visit_over"
"""The timer of a visit that should be over; what follows the colon is the work order."""
VISIT_PUSHED = "visit_pushed"
"""The timer of a visit whose technician is held up by the one before; what follows the colon is its work order."""
PLAN_VISIT = "plan_visit"
"""The timer that looks for a technician once more; what follows the colon is the work order."""
VISIT_ANEW = "visit_anew"
"""The timer of a visit whose technician has left; what follows the colon is its work order."""
SITE_CLOSED = "site_closed"
"""The timer of a visit to a site that may be closed then; what follows the colon is its work order."""


class Coverage(BaseModel):
    """The highest revision of what entitlements decided, and since when a technician is part of it."""

    revision: int
    covered: bool
    reason: str
    plan: str | None
    onsite: bool
    onsite_reason: str | None
    onsite_since: Instant | None
    site: Site | None
    contact: Contact | None
    product: Product | None
    # of the case's unit, site or contact, which it knows of
    corrections: int = 0
    decided_at: Instant

    @classmethod
    def of(cls, decision: CoverageDecided, before: "Coverage | None") -> "Coverage":
        """The decision as it is kept; `onsite_since` stays the first instant at which a technician was part of it, but for a correction."""
        granted = decision.covered and decision.onsite and decision.site is not None
        known = {name: getattr(decision, name) for name in cls.model_fields if name != "onsite_since"}
        coverage = cls(**known, onsite_since=decision.decided_at if granted else None)
        if before and before.onsite_since and (granted or not coverage.corrects(before)):
            coverage.onsite_since = before.onsite_since
        return coverage

    def corrects(self, before: "Coverage | None") -> bool:
        """Whether the case was corrected since that decision."""
        return before is not None and self.corrections > before.corrections

    def stands_elsewhere(self, site: Site | None) -> bool:
        """Whether that is another place, or one that is open at other times. How it is found there is read when it is gone to."""
        return _to_plan_by(self.site) != _to_plan_by(site)


def _to_plan_by(site: Site | None) -> dict[str, Any] | None:
    told = {"site_id", "city", "region", "country", "time_zone", "opening_hours"}
    return site.model_dump(include=told) if site else None


class Diagnosis(BaseModel):
    """A standing diagnosis whose remedy is a technician's visit. `refused` is the reason told when none comes."""

    component: str
    domain: Domain
    part_number: str | None
    diagnosed_at: Instant
    refused: str | None = None

    @classmethod
    def of(cls, event: FaultDiagnosed) -> "Diagnosis":
        """The diagnosis as it is kept."""
        return cls(
            component=event.component,
            domain=event.domain,
            part_number=event.part_number,
            diagnosed_at=event.diagnosed_at,
        )


class Part(BaseModel):
    """One RMA's part as far as it has been told."""

    diagnosis_id: UUID
    status: PartStatus
    # of the fact that made the status
    at: Instant
    part_number: str | None = None
    serial: str | None = None
    promised_by: Instant | None = None
    # when that promise was given
    promised_at: Instant | None = None
    delivered_at: Instant | None = None
    replaced_by: UUID | None = None

    @property
    def arrives(self) -> datetime | None:
        """When the part is at the site: as promised, or as delivered where that was later; None while nobody knows."""
        known = [at for at in (self.promised_by, self.delivered_at) if at is not None]
        return max(known) if known else None


class Stop(BaseModel):
    """Why nothing more shall be begun."""

    reason: str
    at: Instant


class Readiness(BaseModel):
    """When all parts of a diagnosis are at the site; None while nobody knows, and `reason` says why. `since` is when that became
    known."""

    by: Instant | None
    reason: str
    since: Instant | None


def keep_refusals(told: dict[UUID, Diagnosis], before: dict[UUID, Diagnosis]) -> dict[UUID, Diagnosis]:
    """Keeps what we told of each diagnosis: it is our own word, and no other service's log has it."""
    refused = {id: diagnosis.refused for id, diagnosis in before.items()}
    return {id: diagnosis.model_copy(update={"refused": refused.get(id)}) for id, diagnosis in told.items()}


class CaseFile(Entity, table="case_files"):
    """The id is the case's. Facts that come before their cause wait here."""

    account_id: UUID | None = None
    coverage: Coverage | None = None
    diagnoses: dict[UUID, Diagnosis] = field(default_factory=dict)
    # by diagnosis
    withdrawn: dict[UUID, Stop] = field(default_factory=dict)
    # by RMA
    parts: dict[UUID, Part] = field(default_factory=dict)
    cancelled: Stop | None = None

    def must_take_commands(self, order_state: str) -> None:
        """Of a cancelled case only a visit that has begun goes on. Raises CaseClosedToCommands."""
        if self.cancelled is not None and order_state != "in_progress":
            raise CaseClosedToCommands("cancelled", work_order=order_state)

    def stop(self, diagnosis_id: UUID) -> Stop | None:
        """Why no visit shall be made for this diagnosis any more, or None."""
        if self.cancelled is not None:
            return Stop(reason=f"case_cancelled: {self.cancelled.reason}", at=self.cancelled.at)
        if withdrawn := self.withdrawn.get(diagnosis_id):
            return Stop(reason=f"diagnosis_withdrawn: {withdrawn.reason}", at=withdrawn.at)
        return None

    def parts_of(self, diagnosis_id: UUID) -> dict[UUID, Part]:
        """The parts of a diagnosis by RMA, without those whose replacement is known."""
        return {
            rma_id: part
            for rma_id, part in self.parts.items()
            if part.diagnosis_id == diagnosis_id
            and not (part.status in _USELESS and part.replaced_by is not None and part.replaced_by in self.parts)
        }

    def readiness(self, diagnosis_id: UUID, unusable: frozenset[UUID] = frozenset()) -> Readiness:
        """The latest promise of the diagnosis' parts; none while one of them is not on its way."""
        parts = self.parts_of(diagnosis_id)
        if not parts:
            return Readiness(by=None, reason="part_not_promised", since=None)
        for rma_id in sorted(parts):
            part = parts[rma_id]
            if part.status not in _ARRIVING:
                return Readiness(by=None, reason=f"part_{part.status}", since=part.at)
            if rma_id in unusable:
                return Readiness(by=None, reason="part_unusable", since=part.at)
            if part.arrives is None:
                return Readiness(by=None, reason="part_not_promised", since=part.at)
        last = max(parts.values(), key=lambda part: part.arrives or part.at)
        since = last.delivered_at if last.arrives == last.delivered_at else last.promised_at
        return Readiness(by=last.arrives, reason="promise_moved", since=since)

    def visitable_from(self, diagnosis_id: UUID, promised: datetime) -> datetime:
        """The earliest instant for a visit that somebody chooses: parts that are delivered need not wait for their promise."""
        if self.undelivered(diagnosis_id):
            return promised
        return max(part.delivered_at for part in self.parts_of(diagnosis_id).values() if part.delivered_at)

    def undelivered(self, diagnosis_id: UUID) -> list[UUID]:
        """The RMAs whose parts are not at the site."""
        return sorted(id for id, part in self.parts_of(diagnosis_id).items() if part.status != "delivered")


# A column of what the decision says: no index on JSON is used under row-level security.
_contact = sa.Column("contact_id", sa.Text(), sa.Computed("coverage -> 'contact' ->> 'contact_id'", persisted=True))
CaseFile.table.append_column(_contact)
sa.Index("case_files_contact_id_idx", _contact, postgresql_where=_contact.is_not(None))


def whose_contact_is(contact_id: UUID) -> sa.ColumnElement[bool]:
    """Cases that were decided with this contact last: the technician asks for them."""
    return _contact == str(contact_id)
