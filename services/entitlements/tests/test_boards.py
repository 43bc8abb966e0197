"""What a board reads: one line of each."""

from typing import Any

from services.entitlements.tests.builders import SPARE, a_covered_customer, a_registration
from tests.support.harness import Harness
from tests.support.summaries import shows_one_line_of_each


async def test_a_board_reads_one_line_of_each_registration(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await a_registration(entitlements, customer, SPARE)
    callers: list[dict[str, Any]] = [{"role": "engineer"}, {"role": "customer", "accounts": [customer.account_id]}]
    for how in callers:
        await shows_one_line_of_each(entitlements, "/v1/registrations", **how)
