"""Replies that are written once: texts in both languages, with places for what the case says."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

from libs.kit.names import Found
from libs.kit.problems import Unprocessable
from libs.store import Entity

Placeholder = Literal["case_number", "product_number", "serial", "answer_by", "contact_name"]
KNOWN: tuple[str, ...] = get_args(Placeholder)
_PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


class UnknownPlaceholder(Unprocessable):
    """A reply has places for what a case can say, `{{case_number}}`, and no others."""


class ReplyTemplate(Found, Entity, table="reply_templates", unique=("name",), indexes=(("sort_key", "id"),)):
    """What is inactive is offered no more. It is found by its name and by what it says."""

    searched = ("name", "text_vi", "text_en")

    name: str
    text_vi: str
    text_en: str
    active: bool = True
    created_at: datetime

    def check(self) -> None:
        """Raises UnknownPlaceholder."""
        for field in ("text_vi", "text_en"):
            text = getattr(self, field)
            if unknown := [place for place in _PLACE.findall(text) if place not in KNOWN]:
                raise UnknownPlaceholder(
                    f"There is no {unknown[0][:60]!r} to put into a reply.",
                    field=field,
                    unknown=unknown[:20],
                    known=[*KNOWN],
                )
            if _BRACES.search(_PLACE.sub("", text)):
                raise UnknownPlaceholder("Two braces stand alone.", field=field, unknown=[], known=[*KNOWN])


def fill_in(text: str, values: Mapping[str, str | None]) -> tuple[str, list[str]]:
    """The text with these values in their places, and the places for which there is none: they are left as they are."""
    places = dict.fromkeys(_PLACE.findall(text))
    filled = _PLACE.sub(lambda place: values.get(place[1]) or place[0], text)
    return filled, [place for place in places if not values.get(place)]
