"""Contracts, registrations and licences move as it is written here, and every move is on the record."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.kit.states import ForbiddenTransition, StateMachine
from libs.store.ids import new_id
from services.entitlements.model import contract, licence, registration
from services.entitlements.model.contract import Contract, ImpossibleTerm, NotYetRenewable, Term
from services.entitlements.model.licence import Licence
from services.entitlements.model.registration import Registration

NOW, TODAY = datetime(2026, 3, 10, 5, tzinfo=UTC), date(2026, 3, 10)
BY: dict[str, Any] = {"at": NOW, "by": "manager:le"}
CONTRACT_MOVES: dict[contract.State, set[contract.State]] = {
    "scheduled": {"active", "cancelled"},
    "active": {"active", "expired", "cancelled", "superseded"},
    "expired": {"active"},
    "cancelled": set(),
    "superseded": set(),
}
REGISTRATION_MOVES: dict[registration.State, set[registration.State]] = {
    "registered": {"registered", "withdrawn"},
    "withdrawn": set(),
}
LICENCE_STATES: tuple[licence.State, ...] = ("active", "expiring", "expired")


def a_contract(state: contract.State) -> Contract:
    return Contract(
        id=new_id(),
        account_id=new_id(),
        number="PPC-2026-000001",
        plan="poly_plus",
        features=[],
        options=[],
        families=[],
        terms=[Term(starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))],
        ended_on=None,
        state=state,
        supersedes_id=None,
        history=[],
        created_at=NOW,
    )


def a_licence(state: licence.State, days_left: int) -> Licence:
    return Licence(
        id=new_id(),
        account_id=new_id(),
        key="K",
        software="Lens",
        premium=True,
        contract_id=None,
        product_number=None,
        serial=None,
        seats=None,
        valid_from=TODAY - timedelta(days=30),
        valid_until=TODAY + timedelta(days=days_left),
        state=state,
        distances=[30, 7],
        history=[],
        created_at=NOW,
    )


def a_registration(state: registration.State) -> Registration:
    return Registration(
        id=new_id(),
        account_id=new_id(),
        product_number="8L531AA",
        serial="S",
        family="studio",
        model="Studio X70",
        hardware_revision=None,
        site_id=None,
        contact_id=None,
        contract_id=None,
        state=state,
        history=[],
        created_at=NOW,
    )


def bring_contract(found: Contract, to: contract.State) -> None:
    if to == "active" and found.state == "scheduled":
        found.begin(**BY)
    elif to == "active":
        found.renew(date(2027, 12, 31), today=TODAY, reason=None, **BY)
    elif to == "scheduled":
        contract.machine.check(found.state, to)
    else:
        ending: dict[contract.State, contract.Ending] = {
            "expired": "term",
            "cancelled": "cancelled",
            "superseded": "superseded",
        }
        found.end(ending[to], today=TODAY, **BY)


def bring_registration(found: Registration, to: registration.State) -> None:
    (found.move if to == "registered" else found.withdraw)(reason="why", **BY)


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in CONTRACT_MOVES for to in CONTRACT_MOVES])
def test_a_contract_goes_where_it_may_and_nowhere_else(state: contract.State, to: contract.State) -> None:
    found = a_contract(state)
    if to in CONTRACT_MOVES[state]:
        bring_contract(found, to)
        assert (found.state, found.history[-1].state, found.history[-1].by) == (to, to, "manager:le")
    else:
        with pytest.raises(ForbiddenTransition):
            bring_contract(found, to)
        assert (found.state, found.history) == (state, [])


@pytest.mark.parametrize(("state", "to"), [(s, to) for s in REGISTRATION_MOVES for to in REGISTRATION_MOVES])
def test_a_registration_goes_where_it_may_and_nowhere_else(state: registration.State, to: registration.State) -> None:
    found = a_registration(state)
    if to in REGISTRATION_MOVES[state]:
        bring_registration(found, to)
        assert (found.state, found.history[-1].reason) == (to, "why")
    else:
        with pytest.raises(ForbiddenTransition):
            bring_registration(found, to)
        assert (found.state, found.history) == (state, [])


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in LICENCE_STATES for to in LICENCE_STATES])
def test_a_licence_goes_wherever_its_validity_brings_it(state: licence.State, to: licence.State) -> None:
    found = a_licence(state, 100)
    found.valid_until = TODAY + timedelta(days={"active": 100, "expiring": 20, "expired": -1}[to])

    assert found.catch_up(TODAY, **BY) == (to != state)

    assert found.state == to
    assert [each.state for each in found.history] == ([to] if to != state else [])


@pytest.mark.parametrize(
    ("machine", "moves"),
    [
        (contract.machine, CONTRACT_MOVES),
        (registration.machine, REGISTRATION_MOVES),
        (licence.machine, {state: {*LICENCE_STATES} - {state} for state in LICENCE_STATES}),
    ],
)
def test_a_machine_says_what_is_possible_in_each_state_and_has_no_other(
    machine: StateMachine[Any], moves: dict[str, set[str]]
) -> None:
    assert {state: machine.possible(state) for state in machine.states} == {s: sorted(moves[s]) for s in moves}


def test_a_licence_that_ends_never_stays_active() -> None:
    found = a_licence("active", 10)
    found.valid_until = None

    assert not found.catch_up(TODAY, **BY)
    assert list(found.tells_on()) == []


def test_a_contract_that_has_not_begun_is_not_renewed() -> None:
    with pytest.raises(NotYetRenewable):
        a_contract("scheduled").renew(date(2027, 12, 31), today=TODAY, reason=None, **BY)


def test_a_renewal_ends_later_than_what_it_renews() -> None:
    with pytest.raises(ImpossibleTerm):
        a_contract("active").renew(date(2026, 12, 31), today=TODAY, reason=None, **BY)


def test_a_lapse_between_two_terms_is_not_covered() -> None:
    found = a_contract("expired")
    found.terms = [Term(starts_on=date(2025, 1, 1), ends_on=date(2025, 12, 31))]

    found.renew(date(2026, 12, 31), today=TODAY, reason=None, **BY)

    assert [found.runs_on(day) for day in (date(2025, 12, 31), date(2026, 1, 1), TODAY)] == [True, False, True]


def test_a_contract_that_ended_early_covers_until_the_day_before() -> None:
    found = a_contract("active")

    found.end("cancelled", today=TODAY, **BY)

    assert (found.runs_on(TODAY - timedelta(days=1)), found.runs_on(TODAY)) == (True, False)
    assert found.last_day == date(2026, 3, 9)


@pytest.mark.parametrize("machine", [contract.machine, registration.machine, licence.machine])
def test_the_readme_draws_what_holds(machine: StateMachine[Any]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    assert f"```mermaid\n{machine.mermaid()}```" in readme
