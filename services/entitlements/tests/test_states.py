"""Contracts, registrations and licences move as their machines say, and every move is on the record."""

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


def a_contract(state: contract.State) -> Contract:
    return Contract(
        id=new_id(), account_id=new_id(), number="PPC-2026-000001", plan="poly_plus", features=[], options=[], families=[],
        terms=[Term(starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))], ended_on=None, state=state, supersedes_id=None,
        history=[], created_at=NOW,
    )  # fmt: skip


def a_licence(state: licence.State, days_left: int) -> Licence:
    return Licence(
        id=new_id(), account_id=new_id(), key="K", software="Lens", premium=True, contract_id=None, product_number=None,
        serial=None, seats=None, valid_from=TODAY - timedelta(days=30), valid_until=TODAY + timedelta(days=days_left),
        state=state, distances=[30, 7], history=[], created_at=NOW,
    )  # fmt: skip


def a_registration(state: registration.State) -> Registration:
    return Registration(
        id=new_id(), account_id=new_id(), product_number="8L531AA", serial="S", family="studio", model="Studio X70",
        hardware_revision=None, site_id=None, contact_id=None, contract_id=None, state=state, history=[], created_at=NOW,
    )  # fmt: skip


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


def bring_licence(found: Licence, to: licence.State) -> None:
    days = {"active": 100, "expiring": 20, "expired": -1}[to]
    found.valid_until = TODAY + timedelta(days=days)
    assert found.settle(TODAY, **BY)


def bring_registration(found: Registration, to: registration.State) -> None:
    (found.move if to == "registered" else found.withdraw)(reason="why", **BY)


@pytest.mark.parametrize(("state", "to"), contract.machine.allowed_pairs())
def test_a_contract_moves_where_it_may(state: contract.State, to: contract.State) -> None:
    found = a_contract(state)

    bring_contract(found, to)

    assert (found.state, found.history[-1].state, found.history[-1].by) == (to, to, "manager:le")


@pytest.mark.parametrize(("state", "to"), contract.machine.forbidden_pairs())
def test_a_contract_moves_nowhere_else(state: contract.State, to: contract.State) -> None:
    found = a_contract(state)

    with pytest.raises(ForbiddenTransition) as refused:
        bring_contract(found, to)

    assert (found.state, found.history) == (state, [])
    assert refused.value.possible == list(contract.machine.possible(state))


@pytest.mark.parametrize(("state", "to"), registration.machine.allowed_pairs())
def test_a_registration_moves_where_it_may(state: registration.State, to: registration.State) -> None:
    found = a_registration(state)

    bring_registration(found, to)

    assert (found.state, found.history[-1].reason) == (to, "why")


@pytest.mark.parametrize(("state", "to"), registration.machine.forbidden_pairs())
def test_a_registration_moves_nowhere_else(state: registration.State, to: registration.State) -> None:
    with pytest.raises(ForbiddenTransition):
        bring_registration(a_registration(state), to)


@pytest.mark.parametrize(("state", "to"), licence.machine.allowed_pairs())
def test_a_licence_moves_where_it_may(state: licence.State, to: licence.State) -> None:
    found = a_licence(state, 100)

    bring_licence(found, to)

    assert (found.state, found.history[-1].state) == (to, to)


@pytest.mark.parametrize(("state", "to"), licence.machine.forbidden_pairs())
def test_a_licence_that_stays_where_it_is_records_nothing(state: licence.State, to: licence.State) -> None:
    assert state == to  # its validity can bring it from any state to any other
    found = a_licence(state, {"active": 100, "expiring": 20, "expired": -1}[state])

    assert not found.settle(TODAY, **BY)
    assert found.history == []


def test_a_licence_that_ends_never_stays_active() -> None:
    found = a_licence("active", 10)
    found.valid_until = None

    assert not found.settle(TODAY, **BY)
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
