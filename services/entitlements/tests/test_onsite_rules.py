"""Whether a technician comes is a matter of place and product, the most specific rule first (S28)."""

from datetime import UTC, datetime

import pytest

from libs.store.ids import new_id
from services.entitlements.model.onsite_rule import OnsiteRule, refusal


def a_rule(country: str, region: str | None, family: str | None, *, covered: bool) -> OnsiteRule:
    return OnsiteRule(
        id=new_id(),
        country=country,
        region=region,
        family=family,
        covered=covered,
        note=None,
        created_at=datetime.now(UTC),
    )


RULES = [
    a_rule("VN", None, "studio", covered=True),
    a_rule("VN", "SG", None, covered=True),
    a_rule("VN", "SG", "voyager", covered=False),
    a_rule("VN", "DB", None, covered=False),
    a_rule("SG", None, "studio", covered=True),
]


@pytest.mark.promise("S28")
@pytest.mark.parametrize(
    ("country", "region", "family", "expected"),
    [
        ("VN", "SG", "studio", None),
        ("VN", "SG", "trio", None),
        ("VN", "SG", "voyager", "product_not_covered"),
        ("VN", "HN", "studio", None),
        ("VN", None, "studio", None),
        ("VN", "HN", "trio", "product_not_covered"),
        ("VN", "DB", "studio", "location_not_covered"),
        ("SG", None, "trio", "product_not_covered"),
        ("SA", None, "studio", "location_not_covered"),
    ],
)
def test_the_most_specific_rule_decides(country: str, region: str | None, family: str, expected: str | None) -> None:
    assert refusal(RULES, country, region, family) == expected
