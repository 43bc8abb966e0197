"""Replies that are written once, and what one says for a case."""

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import BaseModel, Field

from libs.events.values import Language
from libs.kit.auth import ENGINEERS, STAFF
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.people import KnownContact
from services.cases.model.policy import HOME
from services.cases.model.reply_template import Placeholder, ReplyTemplate, fill_in
from services.cases.model.wording import say
from services.cases.queries.access import case_for

router = Router(tags=["reply-templates"])


class ReplyTemplateOut(Out):
    id: UUID
    name: str
    text_vi: str
    text_en: str
    active: bool
    created_at: datetime


class ReplyTemplateList(Listing):
    q: Words = None
    active: bool | None = None
    sort: str = order("name", "-created_at")


class Reply(BaseModel):
    """What the template says for this case, in its language; kept nowhere until somebody sends it as a note."""

    language: Language
    text: str
    missing: list[Placeholder] = Field(description="what the case does not say: these places are left in the text")


@router.get("/v1/reply-templates", dependencies=[allow(*STAFF)])
async def list_reply_templates_route(tx: Tx, asked: Annotated[ReplyTemplateList, Query()]) -> Page[ReplyTemplateOut]:
    """By name; `q` finds words of what they say too."""
    return await listed(tx, ReplyTemplate, asked, out=ReplyTemplateOut.model_validate)


@router.get("/v1/reply-templates/{template_id}", dependencies=[allow(*STAFF)])
async def get_reply_template_route(template_id: UUID, tx: Tx) -> ReplyTemplateOut:
    return ReplyTemplateOut.model_validate(await ReplyTemplate.get(template_id, tx))


@router.get("/v1/reply-templates/{template_id}/preview", dependencies=[allow(*ENGINEERS)])
async def get_reply_preview_route(template_id: UUID, case_id: UUID, tx: Tx, caller: Caller) -> Reply:
    """What it says for a case, in the case's language: to be looked at, changed and sent as a note."""
    template, case = await ReplyTemplate.get(template_id, tx), await case_for(caller, case_id, tx)
    text, missing = fill_in(template.text_vi if case.language == "vi" else template.text_en, await _values(case, tx))
    return Reply(language=case.language, text=text, missing=missing)  # type: ignore[arg-type]


async def _values(case: Case, tx: Transaction) -> dict[str, str | None]:
    """Who has no name here, or none any more, is addressed without."""
    asks = case.coverage.contact_id or case.contact_id
    contact = await tx.find(KnownContact, asks) if asks else None
    return {
        "case_number": case.number,
        "product_number": case.product_number,
        "serial": case.serial,
        "answer_by": _on_their_clock(case) if case.answer_by else None,
        "contact_name": (contact and contact.name) or say("customer", case.language),
    }


def _on_their_clock(case: Case) -> str:
    """When our next word is due, on the clock of the site, or in Ho Chi Minh City until that is known."""
    zone = case.coverage.time_zone or HOME.time_zone
    assert case.answer_by
    at = case.answer_by.astimezone(ZoneInfo(zone))
    day = f"ngày {at:%d/%m/%Y}" if case.language == "vi" else f"on {at:%Y-%m-%d}"
    return f"{at:%H:%M} {day} ({zone})"
