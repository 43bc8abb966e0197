"""Whether a ticket may be opened, as a rule by itself (S5, S7, S9)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from libs.events.ecps import NotOpenable
from libs.events.values import PartnerContact, Product
from libs.store.ids import new_id
from services.ecps.model.agreement import Agreement
from services.ecps.model.case_file import Wish
from services.ecps.model.eligibility import obstacle, still_refused
from services.ecps.model.partner import Level, Partner
from services.ecps.model.wording import product_name
from services.ecps.tests.builders import ACCOUNT, PARTNER, ACase

NOW = datetime(2026, 3, 10, 5, tzinfo=UTC)
DESK = PartnerContact(name="Desk")


def a_partner(**fields: Any) -> Partner:
    known: dict[str, Any] = {
        "id": PARTNER,
        "code": "cloud",
        "name": "Cloud",
        "approved_strategic": True,
        "permits_direct_work": True,
        "requires_agreement": True,
        "products": [],
        "environments": [],
        "contact": DESK,
        "response_minutes": 30,
        "procedure": [Level(contact=DESK, response_minutes=60), Level(contact=DESK, response_minutes=120)],
        "connector": "manual",
        "base_url": None,
        "sealed_credentials": None,
        "history": [],
        "created_at": NOW,
    }
    return Partner(**(known | fields))


def an_agreement() -> Agreement:
    return Agreement(
        id=new_id(),
        account_id=ACCOUNT,
        partner_id=PARTNER,
        reference="AG-1",
        valid_from=date(2026, 1, 1),
        valid_until=None,
        time_zone="UTC",
        recorded_by="customer:1",
        created_at=NOW,
    )


def a_wish(*consents: bool) -> Wish:
    asked = [ACase(NOW).asked(minutes, consent=consent) for minutes, consent in enumerate(consents)]
    return Wish(asked[0], asked[-1])


@pytest.mark.parametrize(
    ("family", "model", "name"),
    [
        ("studio", "Studio X70", "Studio X70"),
        ("Studio X", "X70", "Studio X X70"),
        ("Poly Studio", "studio X70", "Poly studio X70"),
        ("Sync 60", "Sync 60", "Sync 60"),
    ],
)
def test_a_product_is_called_by_its_name_once(family: str, model: str, name: str) -> None:
    assert product_name(Product(product_number="875K5AA", serial="8L1", family=family, model=model)) == name


@pytest.mark.parametrize(
    ("partner", "wish", "agreement", "found"),
    [
        (a_partner(), a_wish(True), an_agreement(), None),
        (None, a_wish(True), an_agreement(), "not_approved"),
        (a_partner(approved_strategic=False), a_wish(True), an_agreement(), "not_approved"),
        (a_partner(permits_direct_work=False), a_wish(True), an_agreement(), "not_permitted"),
        (a_partner(), None, an_agreement(), "no_consent"),
        (a_partner(), a_wish(False), an_agreement(), "no_consent"),
        (a_partner(), a_wish(False, True), an_agreement(), None),
        (a_partner(), a_wish(True, False), an_agreement(), "no_consent"),
        (a_partner(), a_wish(True), None, "no_agreement"),
        (a_partner(requires_agreement=False), a_wish(True), None, None),
        (a_partner(approved_strategic=False, permits_direct_work=False), None, None, "not_approved"),
    ],
)
def test_the_first_of_several_obstacles_is_said(
    partner: Partner | None, wish: Wish | None, agreement: Agreement | None, found: NotOpenable | None
) -> None:
    assert obstacle(partner, wish, agreement) == found


@pytest.mark.parametrize(
    ("refused", "found", "again", "still"),
    [
        ("no_agreement", "no_agreement", True, True),
        ("no_agreement", "no_consent", False, False),
        ("no_agreement", None, False, False),
        ("partner_rejected", None, False, True),
        ("partner_rejected", None, True, False),
        ("unreachable", None, False, True),
        ("unreachable", "not_permitted", False, False),
    ],
)
def test_a_refusal_stays_until_something_else_is_true(
    refused: NotOpenable, found: NotOpenable | None, again: bool, still: bool
) -> None:
    assert still_refused(refused, found, again=again) is still


@pytest.mark.parametrize(("level", "minutes"), [(0, 30), (1, 60), (2, 120), (3, 120)])
def test_a_level_has_its_own_time_also_when_the_procedure_has_become_shorter(level: int, minutes: int) -> None:
    assert a_partner().answer_within(level) == timedelta(minutes=minutes)
