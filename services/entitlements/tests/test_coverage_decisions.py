"""Every case is answered with what stands behind it, and answered again when that changes."""

from typing import Any

import pytest

from libs.events.entitlements import CoverageDecided
from services.entitlements.tests.builders import (
    SERIAL,
    a_covered_customer,
    case_opened,
)
from tests.support.harness import Harness


async def decisions(h: Harness) -> list[CoverageDecided]:
    return await h.events(CoverageDecided)


async def change(h: Harness, path: str, body: dict[str, Any]) -> None:
    etag = (await h.get(path)).headers["etag"]
    response = await h.patch(path, body, etag=etag, role="manager")
    assert response.status_code == 200, response.text


@pytest.mark.promise("S2", "S3", "S26", "S28")
async def test_a_case_is_answered_with_all_that_the_others_need(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id)

    await entitlements.deliver(opened)

    (decided,) = await decisions(entitlements)
    assert (decided.case_id, decided.revision, decided.covered, decided.reason) == (
        opened.case_id,
        1,
        True,
        "active_contract",
    )
    assert decided.plan == "poly_plus"
    assert decided.onsite
    assert "premium_software" in decided.features
    assert decided.account.name == "Công ty Cổ phần Sao Mai"
    assert decided.site
    assert decided.site.address_lines == ["Tầng 12, 45 Nguyễn Thị Minh Khai"]
    assert decided.site.time_zone == "Asia/Ho_Chi_Minh"
    assert decided.contact
    assert (decided.contact.name, decided.contact.authorised) == ("Nguyễn Văn An", True)
    assert decided.product
    assert (decided.product.serial, decided.product.family, decided.product.hardware_revision) == (
        SERIAL,
        "studio",
        "B",
    )
