"""What ecps knows of a case so far. Facts come in any order; what to do follows from all of them together."""

from dataclasses import field
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events import Event
from libs.events.cases import CaseCancelled, CaseCorrected, CaseNames, CaseOpened
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed, PartnerConsentWithdrawn, PartnerTicketRequested
from libs.events.entitlements import CoverageDecided
from libs.events.redaction import Redaction, added, without
from libs.events.values import Instant, Product, Role, TimeZone
from libs.kit.case_files import CaseClosedToCommands
from libs.store import Entity

E = TypeVar("E", bound=Event)
CaseState = Literal["open", "resolved", "closed", "cancelled"]


class Said(BaseModel):
    """Whose word it was, and when."""

    at: Instant
    by: str
    by_role: Role


class Wish(NamedTuple):
    """The customer's request for a ticket with one partner: the first, and the last. `withdrawn`: consent, since then."""

    first: PartnerTicketRequested
    last: PartnerTicketRequested
    withdrawn: Said | None = None

    @property
    def consents(self) -> bool:
        """The last word holds."""
        return self.last.consent and self.withdrawn is None

    @property
    def last_word(self) -> Said:
        """On consent."""
        last = self.last
        return self.withdrawn or Said(at=last.requested_at, by=last.by, by_role=last.by_role)


class Coverage(BaseModel):
    """What a decision says that findings and calls need. `time_zone` is the site's."""

    revision: int
    time_zone: TimeZone | None = None
    contact_id: UUID | None = None
    product: Product | None = None

    @classmethod
    def of(cls, decision: CoverageDecided) -> Self:
        """What is kept of a decision."""
        site, contact = decision.site, decision.contact
        return cls(
            revision=decision.revision,
            time_zone=site.time_zone if site else None,
            contact_id=contact.contact_id if contact else None,
            product=decision.product,
        )


class CaseFile(Entity, table="case_files"):
    """`id` is the case's."""

    account_id: UUID | None = None
    opened: CaseOpened | None = None
    corrected: CaseNames | None = None
    # The last that corrected what the request says.
    described: CaseCorrected | None = None
    coverage: Coverage | None = None
    diagnoses: dict[UUID, FaultDiagnosed] = field(default_factory=dict)
    withdrawn: dict[UUID, DiagnosisWithdrawn] = field(default_factory=dict)
    requests: dict[UUID, PartnerTicketRequested] = field(default_factory=dict)
    # By partner, the last that was told.
    consent_withdrawn: Annotated[dict[UUID, Said], sa.DefaultClause("{}")] = field(default_factory=dict)
    state: CaseState = "open"
    state_at: datetime | None = None
    cancelled: CaseCancelled | None = None
    redactions: Annotated[list[Redaction], sa.DefaultClause("[]")] = field(default_factory=list)

    def kept(self, event: E) -> E:
        """The fact as it is kept: without the texts that were taken out."""
        return without(event, self.redactions)

    def take_out(self, redaction: Redaction) -> None:
        """What is kept says the text no more, and what comes later never does."""
        self.redactions = added(self.redactions, redaction)
        self.opened = self.kept(self.opened) if self.opened else None
        self.described = self.kept(self.described) if self.described else None
        self.diagnoses = {id: self.kept(diagnosis) for id, diagnosis in self.diagnoses.items()}
        self.withdrawn = {id: self.kept(withdrawal) for id, withdrawal in self.withdrawn.items()}
        self.requests = {id: self.kept(request) for id, request in self.requests.items()}
        self.cancelled = self.kept(self.cancelled) if self.cancelled else None

    def correct(self, event: CaseCorrected) -> None:
        """Keeps what is right."""
        right = event.new.model_dump(include={"product_number", "serial", "language"}, exclude_none=True)
        self.corrected = (self.corrected or CaseNames()).model_copy(update=right)
        if event.description is not None:
            self.described = self.kept(event)

    @property
    def request(self) -> CaseOpened | None:
        """As it was opened, with what of it was corrected."""
        if self.opened is None:
            return None
        right = (
            self.corrected.model_dump(include={"product_number", "serial", "language"}, exclude_none=True)
            if self.corrected
            else {}
        )
        if self.described:
            right["description"] = self.described.description
        return self.opened.model_copy(update=right)

    def become(self, state: CaseState, at: datetime) -> None:
        """Takes the state that was told last, by the time of the telling; a cancelled case stays cancelled."""
        if self.state != "cancelled" and (self.state_at is None or at >= self.state_at):
            self.state, self.state_at = state, at

    @property
    def ended(self) -> bool:
        """Whether it is closed or cancelled: nothing new begins."""
        return self.state in ("closed", "cancelled")

    def must_take_commands(self) -> None:
        """Raises CaseClosedToCommands when the case is closed or cancelled."""
        if self.ended:
            raise CaseClosedToCommands(self.state)

    def partner_of(self, diagnosis: FaultDiagnosed) -> UUID | None:
        """The partner that a diagnosis is about; None when the fault has nothing to do with one.

        A diagnosis that names no partner is about the one that the customer asked for first.
        """
        if diagnosis.partner_id is not None:
            return diagnosis.partner_id
        if diagnosis.domain != "partner_environment":
            return None
        asked = sorted(self.requests.values(), key=_asked)
        return asked[0].partner_id if asked else None

    def wish(self, partner_id: UUID) -> Wish | None:
        """What the customer asked of this partner; None when nothing was."""
        asked = sorted((r for r in self.requests.values() if r.partner_id == partner_id), key=_asked)
        if not asked:
            return None
        withdrawn = self.consent_withdrawn.get(partner_id)
        return Wish(asked[0], asked[-1], withdrawn if withdrawn and withdrawn.at >= asked[-1].requested_at else None)

    def shares_with(self, partner_id: UUID) -> bool:
        """Whether the case has not ended, and the customer consents to what the partner is told of it."""
        wish = self.wish(partner_id)
        return not self.ended and wish is not None and wish.consents

    def end_consent(self, event: PartnerConsentWithdrawn) -> None:
        """Keeps that it was withdrawn, unless that of later is known."""
        said = Said(at=event.withdrawn_at, by=event.by, by_role=event.by_role)
        known = self.consent_withdrawn.get(event.partner_id)
        self.consent_withdrawn[event.partner_id] = max(known or said, said, key=lambda each: each.at)

    @property
    def time_zone(self) -> str:
        """The customer's, by name (IANA); UTC until it is known."""
        return (self.coverage and self.coverage.time_zone) or "UTC"


def _asked(request: PartnerTicketRequested) -> tuple[datetime, UUID]:
    return request.requested_at, request.request_id
