"""A problem: what many cases have in common, its cause, and what we do about it (S25)."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.cases_work import ProblemUpdated
from libs.kit.problems import Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity
from services.cases.model.text import words

ProblemState = Literal["open", "known_error", "fixed", "closed"]
Response = Literal["undecided", "fix", "workaround", "none"]

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


class ProblemChange(BaseModel):
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
    ),
    unique=("number",),
):
    number: str
    status: ProblemState = "open"
    family: str | None = None
    product_numbers: list[str]
    firmware: str | None = None
    symptom: str
    keywords: list[str]  # what else people call it, in either language
    words: list[str]  # folded, of symptom and keywords: what is searched
    root_cause: str | None = None
    workaround: str | None = None
    fix_release: str | None = None
    response: Response = "undecided"
    response_reason: str | None = None
    history: list[ProblemChange]
    created_by: str
    created_at: datetime

    def describe(self) -> None:
        """Keeps the searched words in step with the text."""
        self.words = words(self.symptom, *self.keywords)

    def respond(
        self, response: Response, reason: str, by: str, at: datetime, *, workaround: str | None, fix_release: str | None
    ) -> None:
        """Records why this is, or is not, the appropriate response; a workaround or fix is published by it."""
        if response == "workaround" and not workaround:
            raise NothingToPublish("Say what the workaround is.")
        if response == "fix" and not fix_release:
            raise NothingToPublish("Say which release brings the fix.")
        to: ProblemState = {"workaround": "known_error", "fix": "fixed"}.get(response, self.status)  # type: ignore[assignment]
        if response in {"workaround", "fix"}:
            machine.check(self.status, to)
        self.workaround, self.fix_release = workaround or self.workaround, fix_release or self.fix_release
        self.response, self.response_reason = response, reason
        self._become(to, reason, by, at)

    def close(self, reason: str, by: str, at: datetime) -> None:
        machine.check(self.status, "closed")
        self._become("closed", reason, by, at)

    def _become(self, status: ProblemState, reason: str, by: str, at: datetime) -> None:
        self.status = status
        self.history.append(ProblemChange(status=status, response=self.response, at=at, by=by, reason=reason))

    def fact(self, by: str, at: datetime) -> ProblemUpdated:
        return ProblemUpdated(
            problem_id=self.id, number=self.number, status=self.status, family=self.family, firmware=self.firmware,
            symptom=self.symptom, root_cause=self.root_cause, workaround=self.workaround, fix_release=self.fix_release,
            response=self.response, response_reason=self.response_reason, by=by, updated_at=at,
        )  # fmt: skip


sa.Index("problems_product_numbers_idx", Problem.c.product_numbers, postgresql_using="gin")
sa.Index("problems_words_idx", Problem.c.words, postgresql_using="gin")


def likeness(
    problem: Problem, asked: list[str], *, product_number: str | None = None, firmware: str | None = None
) -> float:
    """How much a problem is what the text asks for, 0 to 1 and more: shared words, then the same product and firmware."""
    shared = set(asked) & set(problem.words)
    if not shared:
        return 0.0
    score = len(shared) / min(len(asked), len(problem.words))
    if product_number and product_number in problem.product_numbers:
        score += 0.5
    if firmware and problem.firmware and firmware == problem.firmware:
        score += 0.5
    return score
