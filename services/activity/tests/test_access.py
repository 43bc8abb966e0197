"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from uuid import uuid4

from services.activity.app import service
from services.activity.tests.builders import ACCOUNT, INTERNAL_NOTE, OTHER_ACCOUNT, an_event
from tests.support.access import Row, World, bind, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness


async def a_world(activity: Harness) -> World:
    """A case of each of two accounts with a public event and an internal one."""
    bind(activity, ACCOUNT)
    mine, theirs, events = uuid4(), uuid4(), []
    for case, account in ((mine, ACCOUNT), (theirs, OTHER_ACCOUNT)):
        for event in (
            an_event(case_id=case, account_id=account),
            an_event(INTERNAL_NOTE, case_id=case, account_id=account),
        ):
            await activity.deliver(event)
            shown = case == mine and event.type != INTERNAL_NOTE
            events.append(Row({"event_id": event.event_id}, frozenset({"public"} if shown else ())))
    timelines = [Row({"case_id": mine}, frozenset({"public"})), Row({"case_id": theirs})]
    return World(activity, {"/v1/events": events, "/v1/cases/{case_id}/timeline": timelines})


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(activity: Harness) -> None:
    assert await wrong_reads(await a_world(activity)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(activity: Harness) -> None:
    assert await wrong_commands(await a_world(activity)) == []
