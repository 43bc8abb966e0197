"""Who did something in a case's timeline: each reader sees the names that are theirs to see, and they are looked up when read."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.entitlements import ContactState
from libs.events.gateway import PersonState
from services.activity.model.known_people import KnownContact, KnownPerson
from services.activity.tests.builders import ACCOUNT, OTHER_ACCOUNT, an_event
from tests.support.forgetting import (
    erased,
    forgets_in_any_order,
    forgets_people_in_any_order,
    person_erased,
)
from tests.support.harness import Harness
from tests.support.people import LAN

ENGINEER, AN, OTHER, SYSTEM = uuid4(), uuid4(), uuid4(), uuid4()
ACTORS = (f"engineer:{ENGINEER}", f"customer:{AN}", f"customer:{OTHER}", f"engineer:{SYSTEM}", "system:rma")


def a_contact(name: str, account: UUID) -> ContactState:
    return ContactState(account_id=account, name=name, language="vi", authorised=True)


async def a_case(activity: Harness) -> UUID:
    """To which each of the actors did something, in this order."""
    case = uuid4()
    await activity.learn({ENGINEER: LAN, AN: a_contact("Lê An", ACCOUNT), OTHER: a_contact("Đỗ Bo", OTHER_ACCOUNT)})
    for n, actor in enumerate(ACTORS):
        await activity.deliver(replace(an_event(case_id=case, minutes=n), actor=actor))
    return case


async def read(activity: Harness, case: UUID, role: str) -> list[Any]:
    answer = await activity.get(f"/v1/cases/{case}/timeline", role=role, accounts=[ACCOUNT])
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [each["actor"] for each in items] == [*ACTORS]
    shown = [each["actor_name"] for each in items]
    assert [each and each["id"] for each in shown] == [*map(str, (ENGINEER, AN, OTHER, SYSTEM)), None]
    return [each and (each["name"], each["state"]) for each in shown]


@pytest.mark.parametrize(
    ("role", "ours", "theirs", "others"),
    [
        ("engineer", LAN.name, "Lê An", "Đỗ Bo"),
        ("customer", LAN.display_name, "Lê An", None),
        ("reseller", LAN.display_name, "Lê An", None),
        ("partner", LAN.display_name, None, None),
    ],
)
async def test_each_reader_sees_the_names_that_are_theirs(
    activity: Harness, role: str, ours: str, theirs: str | None, others: str | None
) -> None:
    case = await a_case(activity)
    pending = (None, "pending")
    shown = [(name, None) if name else pending for name in (ours, theirs, others)]
    assert await read(activity, case, role) == [*shown, pending, None]


@pytest.mark.parametrize("role", ["engineer", "customer"])
async def test_a_name_is_the_one_of_now_and_none_once_erased(activity: Harness, role: str) -> None:
    case = await a_case(activity)
    await activity.learn({AN: a_contact("Lê Văn An", ACCOUNT)}, version=2)
    assert (await read(activity, case, role))[1] == ("Lê Văn An", None)
    await activity.deliver(person_erased(ENGINEER), erased(AN, ACCOUNT))
    assert (await read(activity, case, role))[:2] == [(None, "erased")] * 2


async def test_who_is_gone_from_a_state_topic_is_erased_too(activity: Harness) -> None:
    case = await a_case(activity)
    await activity.learn({ENGINEER: PersonState, AN: ContactState}, version=2)
    assert (await read(activity, case, "customer"))[:2] == [(None, "erased")] * 2


async def test_people_and_contacts_are_forgotten_whatever_comes_first(activity: Harness) -> None:
    await forgets_people_in_any_order(activity, KnownPerson)
    await forgets_in_any_order(activity, KnownContact)
