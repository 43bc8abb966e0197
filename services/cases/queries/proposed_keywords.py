"""What customers call a problem: proposed as its keywords, of the cases that are linked to it."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Out
from services.cases.model.case import Case
from services.cases.model.problem import Problem
from services.cases.model.terms import has_marks, is_stop_word, terms_of

router = Router(tags=["problems"])
_CASES, _PROPOSED = 200, 10
"""So many cases, the newest, are read, and so many keywords proposed of each language."""
_SHORTEST, _LONGEST = 2, 5
"""Words of a keyword."""
_PARTS = re.compile(r"[^.,;:!?()\"\n]+")
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class ProposedKeyword(Out):
    """`cases`: how many of the linked ones say it."""

    keyword: str
    cases: int


class ProposedKeywords(Out):
    """Those that most cases say come first."""

    vi: list[ProposedKeyword]
    en: list[ProposedKeyword]


@router.get("/v1/problems/{problem_id}/keyword-proposals", dependencies=[allow(*STAFF)])
async def get_keyword_proposals_route(problem_id: UUID, tx: Tx) -> ProposedKeywords:
    """What the linked cases say and the problem's own texts do not: an engineer takes what fits into its keywords."""
    problem = await Problem.get(problem_id, tx)
    linked = (
        sa.select(Case.c.description)
        .where(Case.c.problem_id == problem_id)
        .order_by(Case.c.opened_at.desc(), Case.c.id.desc())
    ).limit(_CASES)
    descriptions = [record["description"] for record in await tx.fetch(linked)]
    return ProposedKeywords.model_validate(proposed(descriptions, known=problem.words))


def proposed(descriptions: Iterable[str], known: Iterable[str]) -> dict[Literal["vi", "en"], list[ProposedKeyword]]:
    """Of each language the few words in a row, between those that say nothing, that most descriptions have; none that is known whole."""
    said_by, written, known = defaultdict[tuple[str, ...], int](int), dict[tuple[str, ...], str](), set(known)
    for description in descriptions:
        here = {tuple(terms_of(phrase)): phrase for phrase in _phrases(description)}
        for said, phrase in here.items():
            said_by[said] += 1
            written.setdefault(said, phrase)
    new = sorted(
        (said for said in said_by if set(said) - known), key=lambda said: (-said_by[said], -len(said), written[said])
    )
    found: dict[Literal["vi", "en"], list[ProposedKeyword]] = {"vi": [], "en": []}
    for said in new:
        of_language = found["vi" if has_marks(written[said]) else "en"]
        if len(of_language) < _PROPOSED:
            of_language.append(ProposedKeyword(keyword=written[said], cases=said_by[said]))
    return found


def _phrases(text: str) -> Iterator[str]:
    """Words in a row between stop words and stops, as they were written."""
    for part in _PARTS.findall(unicodedata.normalize("NFC", text)):
        row = list[str]()
        for word in [*_WORDS.findall(part), ""]:
            if word and not is_stop_word(word):
                row.append(word)
                continue
            if _SHORTEST <= len(row) <= _LONGEST:
                yield " ".join(row).lower()
            row = []
