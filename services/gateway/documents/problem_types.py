"""`GET /v1/problem-types`: every kind of problem there is, with its title and text in each language."""

import tomllib
from pathlib import Path

from fastapi import Request, Response
from pydantic import BaseModel

from libs.events.values import Language
from libs.kit.auth import ROLES
from libs.kit.fields import Word
from libs.kit.http import Router, allow
from libs.kit.paging import Page
from libs.kit.problems import Missing
from services.gateway.door.languages import wanted

router = Router(tags=["problem types"])
LANGUAGES: tuple[Language, ...] = ("en", "vi")
"""What is said where a caller asks for none of them is said in the first."""
_URN = "urn:polyplus:problem:"


class Words(BaseModel):
    """What people read: the same `title` for every problem of a kind, and a `text` that says what to do."""

    title: str
    text: str


class ProblemType(Words):
    """A kind of problem, in the language that `Accept-Language` asks for; `words` holds each."""

    type: str
    name: str
    status: int
    language: Language
    words: dict[Language, Words]


def _read() -> dict[str, ProblemType]:
    file = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    found = {}
    for name, each in file["types"].items():
        titles = {"en": each["title"], "vi": file["titles"][each["title"]]}
        words = {language: Words(title=titles[language], text=each[language]) for language in LANGUAGES}
        found[name] = ProblemType(
            type=_URN + name, name=name, status=each["status"], language="en", words=words, **dict(words["en"])
        )
    return found


TYPES = _read()
IN_VIETNAMESE = {each.type: (each.words["vi"].title, each.words["vi"].text) for each in TYPES.values()}


@router.get("/v1/problem-types", dependencies=[allow(*ROLES)])
async def list_problem_types(request: Request, response: Response) -> Page[ProblemType]:
    """All of them on one page, by name."""
    language = _language(request, response)
    return Page(items=[_in(language, each) for each in TYPES.values()])


@router.get("/v1/problem-types/{name}", dependencies=[allow(*ROLES)])
async def get_problem_type(name: Word, request: Request, response: Response) -> ProblemType:
    """By the end of its `type`, after the last colon."""
    if name not in TYPES:
        raise Missing(f"There is no kind of problem called {name}.")
    return _in(_language(request, response), TYPES[name])


def _language(request: Request, response: Response) -> Language:
    asked = wanted(request.headers.get("accept-language"), LANGUAGES)
    language = next((each for each in LANGUAGES if each == asked), LANGUAGES[0])
    response.headers["content-language"] = language
    response.headers["vary"] = "accept-language"
    return language


def _in(language: Language, each: ProblemType) -> ProblemType:
    return each.model_copy(update={"language": language, **dict(each.words[language])})
