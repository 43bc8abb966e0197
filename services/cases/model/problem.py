"""A problem: what many cases have in common, its cause, and what we do about it (S25)."""

from dataclasses import field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel

from libs.kit.problems import Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, UpdatedAt
from services.cases.model.case_values import Workaround
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
    """`keywords` is what else people call it, in either language; `words` is what is searched, see `describe`."""

    number: str
    status: ProblemState = "open"
    family: str | None = None
    product_numbers: list[str]
    firmware: str | None = None
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
        self.words = words(self.symptom, *self.keywords)

    def respond(
        self, response: Response, reason: str, by: str, at: datetime, *, workaround: str | None, fix_release: str | None
    ) -> Workaround | None:
        """Records why this is, or is not, the appropriate response.

        A workaround or fix is published by it: gives what every linked case is told. Raises NothingToPublish or
        ForbiddenTransition.
        """
        if response == "workaround" and not workaround:
            raise NothingToPublish("Say what the workaround is.")
        if response == "fix" and not fix_release:
            raise NothingToPublish("Say which release brings the fix.")
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
