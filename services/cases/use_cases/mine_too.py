"""Whoever reads an announcement and has the trouble too says no more than that, and of which unit (S25)."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import Response
from pydantic import StringConstraints, model_validator

from libs.events.values import Impact, Language, Severity
from libs.kit.auth import CASE_WRITERS
from libs.kit.fields import ProductNumber, Serial, Storable, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.cases.model.announcement import Announcement
from services.cases.model.case import Case
from services.cases.model.problem import Problem
from services.cases.queries.announcements import announcement_for
from services.cases.reactions.join_announced import JOIN
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.link_problem import link_problem
from services.cases.use_cases.open_case import OpenCase, OpenedCase, open_case

router = Router(tags=["announcements"])
_OWN = ("language", "product_number", "serial", "no_product_reason", "account_id", "contact_id", "site_id")


class MineToo(Command):
    """As a request says it; impact and severity are the announcement's unless they are said."""

    language: Language
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    no_product_reason: Text | None = None
    account_id: UUID | None = None
    contact_id: UUID | None = None
    site_id: UUID | None = None
    observed_impact: Impact | None = None
    severity: Severity | None = None
    more: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000), Storable] | None = (
        None
    )
    """What the announcement does not say."""

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.no_product_reason is None and not (self.product_number and self.serial):
            raise ValueError("give product_number and serial, or no_product_reason")
        return self

    def request(self, announcement: Announcement) -> OpenCase:
        said = announcement.title.said(self.language), announcement.text.said(self.language), self.more
        return OpenCase(
            description="\n\n".join(each for each in said if each),
            observed_impact=self.observed_impact or announcement.observed_impact,
            severity=self.severity or announcement.severity,
            **{name: getattr(self, name) for name in _OWN},
        )


@router.post("/v1/announcements/{announcement_id}/mine", dependencies=[allow(*CASE_WRITERS)], status_code=201)
async def mine_too_route(announcement_id: UUID, cmd: MineToo, tx: Tx, caller: Caller, response: Response) -> OpenedCase:
    """Open a case from the announcement's text: one of its problem's, and within moments part of its incident."""
    announcement = await announcement_for(caller, announcement_id, tx)
    announcement.must_be_in_force(tx.now)
    # The problem is locked first, as by whoever links a case to it.
    problem = await Problem.get(announcement.problem_id, tx, lock=True) if announcement.problem_id else None
    opened = await open_case(cmd.request(announcement), caller, tx)
    case = await Case.get(opened.id, tx, lock=True)
    if problem:
        await link_problem(case, problem, await who_acts(caller, tx), tx)
    if announcement.case_id:
        tx.set_timer(case, f"{JOIN}:{announcement.id}", tx.now)
    response.headers["location"] = f"/v1/cases/{case.id}"
    return opened.model_copy(update={"problem_id": case.problem_id})
