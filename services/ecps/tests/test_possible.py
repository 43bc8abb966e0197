"""`possible` names what this caller can do now, and all of it: each role gives each command to an engagement in each state."""

from functools import partial
from typing import Any, get_args
from uuid import UUID

import pytest

from services.ecps.model.engagement import UNSUBMITTED, Engagement, machine
from services.ecps.queries.access import Command
from services.ecps.tests.builders import ACCOUNT, PARTNER, a_case_with_wish, a_partner, an_opened_engagement
from tests.support.access import bind
from tests.support.harness import Harness
from tests.support.possible import wrongly_possible

BEFORE_A_TICKET = UNSUBMITTED | {"submitting", "outcome_unknown"}
STATES = [(state, state not in BEFORE_A_TICKET) for state in sorted(machine.states)] + [("withdrawn", False)]


def bodies(role: str) -> dict[str, Any]:
    """A ticket's number stands for one engagement."""
    return {
        "partner_updates": {"kind": "note", "text": "We look."},
        "ticket": {"ticket_number": f"of {role}"},
        "no_ticket": {},
        "notes": {"text": "Look again."},
        "withdraw": {"reason": "solved"},
    }


async def in_state(ecps: Harness, name: str, *, state: Any, has_ticket: bool, closed: bool) -> UUID:
    case = await a_case_with_wish(ecps)
    if closed:
        await ecps.deliver(case.closed())
    async with ecps.transaction() as tx:
        engagement = await Engagement.get(case.engagement_id, tx, lock=True)
        engagement.state, engagement.ticket_number = state, name if has_ticket else None
    return case.engagement_id


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize(("state", "has_ticket"), STATES)
async def test_what_a_caller_is_told_is_possible_is_and_nothing_else(
    ecps: Harness, state: str, has_ticket: bool, closed: bool
) -> None:
    assert set(bodies("engineer")) == set(get_args(Command))
    await a_partner(ecps)
    bind(ecps, ACCOUNT, partner_id=PARTNER)
    make = partial(in_state, ecps, state=state, has_ticket=has_ticket, closed=closed)
    assert await wrongly_possible(ecps, "/v1/partner-engagements", bodies, make) == []


async def test_every_answer_says_what_is_possible_for_who_asks(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    [listed] = (await ecps.get("/v1/partner-engagements", role="customer", accounts=[ACCOUNT])).json()["items"]
    told = await ecps.post(f"{case.path}/partner-updates", bodies("partner")["partner_updates"])
    assert (listed["possible"], told.json()["possible"]) == (["withdraw"], ["notes", "partner_updates", "withdraw"])
