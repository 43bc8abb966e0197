"""A problem: what many cases have in common, its cause, and what we do about it (S25)."""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import ARRAY

from libs.kit.problems import Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, UpdatedAt
from libs.store.metadata import metadata
from services.cases.model.case_values import Workaround
from services.cases.model.terms import has_marks, terms_of

ProblemState = Literal["open", "known_error", "fixed", "closed"]
Response = Literal["undecided", "fix", "workaround", "none"]
PUBLISHED: tuple[ProblemState, ...] = ("known_error", "fixed")
"""What customers see."""

machine: StateMachine[ProblemState] = StateMachine(
    "problem",
    {
        "open": {"known_error", "fixed", "closed"},
        "known_error": {"known_error", "fixed", "closed"},
        "fixed": {"fixed", "known_error", "closed"},
    },
    initial="open",
)
"""A better workaround or fix keeps the state; a fix that fails in the field is a known error again."""


class NothingToPublish(Unprocessable):
    """A workaround needs its text, a fix the release that brings it."""


class KeywordsMissing(Unprocessable):
    """Who publishes a known error says in both languages what people call it."""


class ProblemChange(BaseModel):
    """Who brought a problem into a state, or decided on our response to it, when, and why."""

    status: ProblemState
    response: Response
    at: datetime
    by: str
    reason: str


class Problem(
    Entity,
    table="problems",
    indexes=(
        ("created_at", "id"),
        ("status", "created_at", "id"),
        ("family", "created_at", "id"),
        ("firmware", "created_at", "id"),
        ("updated_at", "id"),
        ("status", "updated_at", "id"),
    ),
    unique=("number",),
):
    """`keywords` is what else people call it, in both languages; `words` is what is searched, see `describe`.

    Units have it from the release `affected_from` on, all of them where that is None, until the `fix_release` of a problem that is fixed.
    `firmware` is where it was seen.
    """

    number: str
    status: ProblemState = "open"
    family: str | None = None
    product_numbers: list[str]
    firmware: str | None = None
    affected_from: str | None = None
    symptom: str
    keywords: list[str]
    words: list[str]
    root_cause: str | None = None
    workaround: str | None = None
    fix_release: str | None = None
    response: Response = "undecided"
    response_reason: str | None = None
    history: list[ProblemChange]
    created_by: str
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    def describe(self) -> None:
        """Keeps the searched words in step with the text."""
        self.words = terms_of(self.symptom, *self.keywords)

    def must_have_keywords(self) -> None:
        """In both languages, or half of those whom it concerns do not find it. Raises KeywordsMissing."""
        missing = {"en", "vi"} - {"vi" if has_marks(each) else "en" for each in self.keywords}
        if missing:
            raise KeywordsMissing(
                "Say in both languages what people call it: a published known error has keywords in English, and in Vietnamese with "
                "its diacritics.",
                missing=sorted(missing),
            )

    def respond(
        self, response: Response, reason: str, by: str, at: datetime, *, workaround: str | None, fix_release: str | None
    ) -> Workaround | None:
        """Records why this is, or is not, the appropriate response.

        A workaround or fix is published by it: gives what every linked case is told. Raises NothingToPublish, KeywordsMissing or
        ForbiddenTransition.
        """
        if response == "workaround" and not workaround:
            raise NothingToPublish("Say what the workaround is.")
        if response == "fix" and not fix_release:
            raise NothingToPublish("Say which release brings the fix.")
        if response in ("workaround", "fix"):
            self.must_have_keywords()
        self.workaround, self.fix_release = workaround or self.workaround, fix_release or self.fix_release
        self.response, self.response_reason = response, reason
        if response == "fix":
            self.become("fixed", reason, by, at)
            return self._told("fix", f"{workaround or self.symptom}: {fix_release}", fix_release, reason, by, at)
        if response == "workaround":
            self.become("known_error", reason, by, at)
            return self._told("workaround", workaround or "", fix_release, reason, by, at)
        self._record(self.status, reason, by, at)
        return None

    def become(self, status: ProblemState, reason: str, by: str, at: datetime) -> None:
        """Raises ForbiddenTransition."""
        machine.check(self.status, status)
        self._record(status, reason, by, at)

    def _record(self, status: ProblemState, reason: str, by: str, at: datetime) -> None:
        self.status = status
        self.history.append(ProblemChange(status=status, response=self.response, at=at, by=by, reason=reason))

    def _told(
        self, kind: Literal["workaround", "fix"], text: str, fix_release: str | None, reason: str, by: str, at: datetime
    ) -> Workaround:
        return Workaround(
            kind=kind,
            text=text,
            fix_release=fix_release,
            problem_id=self.id,
            diagnosis_id=None,
            appropriate_because=reason,
            by=by,
            at=at,
        )

    def facts(self) -> dict[str, Any]:
        """The fields by name, as `ProblemUpdated` takes them."""
        return {"problem_id": self.id, **vars(self)}


sa.Index("problems_product_numbers_idx", Problem.c.product_numbers, postgresql_using="gin")
GENERAL = Problem.c.product_numbers == sa.text("'[]'")
"""Of no product of its own: it may be any unit's."""
sa.Index("problems_general_created_at_id_idx", Problem.c.created_at, Problem.c.id, postgresql_where=GENERAL)

problem_words = sa.Table(
    "problem_words",
    metadata("cases"),
    sa.Column("problem_id", sa.Uuid(), primary_key=True),
    sa.Column("published", sa.Boolean(), nullable=False),
    sa.Column("words", ARRAY(sa.Text()), nullable=False),
    sa.Column("n", sa.Integer(), nullable=False),
    sa.Column("family", sa.Text()),
    sa.Column("affected_from", ARRAY(sa.Integer())),
    sa.Column("fixed_in", ARRAY(sa.Integer())),
    sa.Index("problem_words_words_idx", "words", postgresql_using="gin"),
)
"""What each problem is searched by, kept by a trigger: its `n` words, each product as `@` and its number, `@` alone for one of none. Releases are
numbers, three or more, so that they compare."""

problem_word_counts = sa.Table(
    "problem_word_counts",
    metadata("cases"),
    sa.Column("word", sa.Text(), primary_key=True),
    sa.Column("problems", sa.BigInteger(), nullable=False),
)
"""How many problems have each word, kept by the same trigger. Of all: `""` how many there are, `"#"` how many words they have."""
