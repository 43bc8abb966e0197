"""What is known of a case, and what was last decided about it."""

from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.cases import CaseCorrected, CaseNames, CaseOpened, CoverageOverridden
from libs.events.entitlements import registration_key
from libs.events.values import TimeOfDay, Value
from libs.store import Entity
from services.entitlements.model.coverage import Coverage

V = TypeVar("V", bound=Value)
DECIDE_AGAIN = "decide_again"
"""Its timer: what many accounts go by has changed."""


_RIGHT = {"unit": ("product_number", "serial"), "site": ("site_id",), "contact": ("contact_id",)}
"""What of a correction matters here, and in which fields."""


class Opening(BaseModel):
    """What the request said when it was taken, and what of it was corrected since."""

    product_number: str | None
    serial: str | None
    site_id: UUID | None
    contact_id: UUID | None
    opened_at: datetime


class Override(BaseModel):
    """A manager's word on this case."""

    covered: bool
    onsite: bool | None


class CaseFile(Entity, table="case_files", indexes=(("account_id", "is_open"), "unit")):
    """`unit` is the key of the registration that the case named. `coverage` is what the contract alone gives.

    `corrected` holds what the case was corrected to, `corrections` how often. `decided` is the last decision as published, without its
    revision and instant; `decisions` is their number.
    """

    account_id: UUID | None = None
    unit: UUID | None = None
    opening: Opening | None = None
    is_open: bool = True
    corrected: CaseNames | None = None
    corrections: Annotated[int, sa.DefaultClause("0")] = 0
    override: Override | None = None
    coverage: Coverage | None = None
    decided: dict[str, Any] | None = None
    decisions: int = 0

    def open(self, event: CaseOpened) -> None:
        """Keeps what the request said."""
        self.account_id = event.account_id
        self.opening = Opening(
            product_number=event.product_number,
            serial=event.serial,
            site_id=event.site_id,
            contact_id=event.contact_id,
            opened_at=event.opened_at,
        )
        self._take_corrections()

    def correct(self, event: CaseCorrected) -> bool:
        """Keeps what is right. Of what was decided for what was wrong nothing stays. False where it is nothing that decides."""
        fields = [field for what in event.what for field in _RIGHT.get(what, ())]
        if not fields:
            return False
        right = {field: getattr(event.new, field) for field in fields}
        self.corrected = (self.corrected or CaseNames()).model_copy(update=right)
        self.corrections += 1
        self.coverage = None
        if self.decided:
            self.decided = {**self.decided, "site": None, "contact": None, "product": None}
        self._take_corrections()
        return True

    def _take_corrections(self) -> None:
        if self.opening is None:
            return
        if self.corrected:
            right = self.corrected.model_dump(include=set(Opening.model_fields), exclude_none=True)
            self.opening = self.opening.model_copy(update=right)
        asked = self.opening
        self.unit = (
            registration_key(asked.product_number, asked.serial) if asked.product_number and asked.serial else None
        )

    def overrule(self, event: CoverageOverridden) -> None:
        """Keeps the manager's word."""
        self.override = Override(covered=event.covered, onsite=event.onsite)

    def take_word_back(self) -> None:
        """The contract decides again."""
        self.override = None

    def keep_or_improve(self, found: Coverage, *, never_worse: bool) -> Coverage:
        """The cover that stands for this case from now on: what was found, unless the case was told of a better one before."""
        if self.coverage is None or not (never_worse and found.worse_than(self.coverage)):
            self.coverage = found
        return self.coverage

    def cut_off(self, published: TimeOfDay, country: str | None, *, never_worse: bool) -> TimeOfDay:
        """The plan's cut-off for this case. It gets earlier only when the case has another destination than before."""
        told = ((self.decided or {}).get("site") or {}).get("country")
        if never_worse and self.coverage and self.coverage.covered and told == country:
            return max(published, self.coverage.published_cut_off)
        return published

    def told(self, name: str, kind: type[V]) -> V | None:
        """What the case was told under this name; it stays when the present has nothing in its place."""
        told = (self.decided or {}).get(name)
        return kind.model_validate(told) if told else None

    def forget_contact(self) -> None:
        """What was told of the contact is not told again; the next decision names another."""
        self.decided = {**(self.decided or {}), "contact": None}

    def overridden(self, coverage: Coverage) -> Coverage:
        """The cover with the manager's word over it."""
        if self.override is None:
            return coverage
        word = self.override
        onsite = (coverage.onsite if word.onsite is None else word.onsite) and word.covered
        return coverage.model_copy(
            update={
                "covered": word.covered,
                "reason": "overridden",
                "onsite": onsite,
                "onsite_reason": None if onsite else coverage.onsite_reason or "overridden",
            }
        )


def stands_in(country: str) -> sa.ColumnElement[bool]:
    """Cases whose site is in this country, as they were told last."""
    return sa.and_(CaseFile.c.decided["site"]["country"].astext == country)


def told_to_ask(account_id: UUID, contact_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    """The account's cases, closed ones too, whose last decision named this contact."""
    return CaseFile.c.account_id == account_id, CaseFile.c.decided["contact"]["contact_id"].astext == str(contact_id)


def about_product(product_number: str) -> sa.ColumnElement[bool]:
    """Cases that name this product, or whose unit is one by now."""
    return sa.or_(
        CaseFile.c.opening["product_number"].astext == product_number,
        CaseFile.c.decided["product"]["product_number"].astext == product_number,
    )
