"""An announcement: trouble that many have, said before they ask (S25)."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from libs.events.values import Impact, Language, Severity
from libs.kit.problems import Conflict, Unprocessable
from libs.store import Entity, UpdatedAt


class AnnouncementOver(Conflict):
    """What is over is not asked for any more."""


class EndsBeforeItBegins(Unprocessable):
    """An announcement ends after its beginning."""


class Words(BaseModel):
    """The same in both languages."""

    vi: str
    en: str

    def said(self, language: Language) -> str:
        return self.vi if language == "vi" else self.en


class AnnouncementChange(BaseModel):
    """Who changed which fields, when, and why if it was said."""

    at: datetime
    by: str
    what: list[str]
    reason: str | None = None


@dataclass(frozen=True)
class Holdings:
    """What somebody has: of which products and families, in which countries; or, a cloud partner, who they are."""

    product_numbers: AbstractSet[str] = frozenset()
    families: AbstractSet[str] = frozenset()
    countries: AbstractSet[str] = frozenset()
    partner_id: UUID | None = None


class Announcement(Entity, table="announcements", indexes=(("starts_at", "id"), ("updated_at", "id")), reference=True):
    """In force from `starts_at` until `ends_at`, that not included. `case_id` is the incident that cases of it are part of; `severity` and
    `observed_impact` are theirs unless their customer says otherwise.
    """

    title: Words
    text: Words
    product_numbers: list[str]
    families: list[str]
    countries: list[str]
    partner_ids: list[UUID]
    problem_id: UUID | None = None
    case_id: UUID | None = None
    observed_impact: Impact
    severity: Severity
    starts_at: datetime
    ends_at: datetime | None = None
    history: list[AnnouncementChange]
    created_by: str
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    def in_force(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)

    def concerns(self, has: Holdings) -> bool:
        """Whether it is about what somebody has. What it does not name narrows nothing; nor does a cloud partner, since who uses one is not
        known here. To a partner whom it names it is shown whatever they have."""
        if has.partner_id and has.partner_id in self.partner_ids:
            return True
        products = bool(has.product_numbers & {*self.product_numbers} or has.families & {*self.families})
        anywhere = not self.countries or bool(has.countries & {*self.countries})
        return anywhere and (products or not (self.product_numbers or self.families))

    def must_end_later(self) -> None:
        """Raises EndsBeforeItBegins."""
        if self.ends_at and self.ends_at <= self.starts_at:
            raise EndsBeforeItBegins("ends_at is not after starts_at.", field="ends_at")

    def must_be_in_force(self, at: datetime) -> None:
        """Raises AnnouncementOver."""
        if not self.in_force(at):
            raise AnnouncementOver("This announcement is not in force.", starts_at=self.starts_at, ends_at=self.ends_at)

    def note(self, what: list[str], by: str, at: datetime, reason: str | None = None) -> None:
        self.history = [*self.history, AnnouncementChange(at=at, by=by, what=what, reason=reason)]

    def facts(self) -> dict[str, Any]:
        """The fields by name, as `AnnouncementUpdated` takes them."""
        texts = {"title": self.title.model_dump(), "text": self.text.model_dump()}
        return {"announcement_id": self.id, **vars(self), **texts}
