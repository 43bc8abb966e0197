"""What was typed about an RMA, or about its case, is kept nowhere here once the fact that told it was taken out."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.rma.tests.builders import Case, delivered, made, reserved, shipped
from services.rma.tests.network import a_network
from tests.support.harness import Harness
from tests.support.taking_out import SAID, everything, fact_saying, forget_outbox, taken_out


async def typed(rma: Harness, what: str, case: Case) -> UUID:
    """Somebody says it, by this command."""
    if what == "lost":
        rma_id = await shipped(rma, case)
    else:
        rma_id = await (delivered(rma, case) if what == "dead-on-arrival" else reserved(rma, case))
    body: dict[str, Any] = {"symptom" if what == "dead-on-arrival" else "reason": SAID}
    role = {"lost": "depot", "dead-on-arrival": "engineer"}.get(what, "engineer")
    await made(rma, f"/v1/rmas/{rma_id}/{what}", body, role=role)
    return rma_id


@pytest.mark.parametrize("outbox", ["kept", "gone"])
@pytest.mark.parametrize("what", ["lost", "dead-on-arrival", "cancel", "re-source"])
async def test_a_reason_goes_from_rows_answers_and_outbox(rma: Harness, what: str, outbox: str) -> None:
    await a_network(rma, in_singapore=1)
    case = Case()
    await typed(rma, what, case)
    fact = await fact_saying(rma)
    if outbox == "gone":
        await forget_outbox(rma)
    assert SAID in await everything(rma)
    await rma.deliver(taken_out(case.id, fact))
    assert SAID not in await everything(rma)
    assert "(taken out)" in await everything(rma)


async def test_another_reason_of_the_same_case_stays(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await typed(rma, "lost", case)
    await rma.deliver(taken_out(case.id, {"event_id": rma_id, "time": await rma.now()}))
    assert SAID in await everything(rma)


@pytest.mark.parametrize("how", ["cancelled", "withdrawn"])
async def test_why_a_case_or_a_diagnosis_ended_goes_from_the_case_file_and_what_repeats_it(
    rma: Harness, how: str
) -> None:
    await a_network(rma)
    case = Case()
    await reserved(rma, case)
    at = case.at + timedelta(minutes=1)
    said = case.cancelled() if how == "cancelled" else case.withdrawn()
    told = rma.delivery(said.model_copy(update={"reason": SAID, f"{how}_at": at}), at=at)
    await rma.deliver(told)
    assert f": {SAID}" in await everything(rma)
    await rma.deliver(taken_out(case.id, {"event_id": told.event_id, "time": at}))
    assert SAID not in await everything(rma)
    assert (await rma.rebuild("case_files")).differences == []
    assert SAID not in await everything(rma)
