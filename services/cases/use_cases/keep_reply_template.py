"""Managers keep the replies that are written once."""

from uuid import UUID

from fastapi import Response

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, Text
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from services.cases.model.reply_template import ReplyTemplate
from services.cases.queries.reply_templates import ReplyTemplateOut

router = Router(tags=["reply-templates"])


class ReplyTemplateFields(Command):
    """In both languages: a case is answered in its own."""

    name: Line
    text_vi: Text
    text_en: Text


class CreateReplyTemplate(New, ReplyTemplateFields):
    pass


class ChangeReplyTemplate(Patch, ReplyTemplateFields):
    active: bool


@router.post("/v1/reply-templates", dependencies=[allow(*MANAGERS)], status_code=201)
async def create_reply_template_route(cmd: CreateReplyTemplate, tx: Tx, response: Response) -> ReplyTemplateOut:
    """Texts with places for what the case says: `{{case_number}}`, `{{product_number}}`, `{{serial}}`, `{{answer_by}}`, `{{contact_name}}`."""
    await refuse_twin(ReplyTemplate, tx, name=cmd.name)
    template = cmd.make(ReplyTemplate, tx)
    template.check()
    response.headers["location"] = f"/v1/reply-templates/{template.id}"
    return ReplyTemplateOut.model_validate(template)


@router.patch("/v1/reply-templates/{template_id}", dependencies=[allow(*MANAGERS)])
async def change_reply_template_route(template_id: UUID, cmd: ChangeReplyTemplate, tx: Tx) -> ReplyTemplateOut:
    template = await ReplyTemplate.get(template_id, tx, lock=True)
    if "name" in cmd.model_fields_set and cmd.name != template.name:
        await refuse_twin(ReplyTemplate, tx, name=cmd.name)
    cmd.apply_to(template)
    template.check()
    return ReplyTemplateOut.model_validate(template)
