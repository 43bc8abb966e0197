"""What was typed at the end of a visit is kept nowhere here, once the note of the case that told it again was taken out."""

from libs.events.cases_work import TextRedacted
from libs.events.onsite import VisitCompleted
from libs.store.ids import new_id
from services.onsite.tests.builders import CASE, PATH, at_the_site, do, work_done
from tests.support.harness import Harness


async def test_a_signers_words_go_with_the_note_that_told_them_again(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    await do(onsite, "sign-off", {"side": "customer", "note": "The door opens with 4711-hunter2"})
    [told] = [row["event_id"] for row in await onsite.outbox() if row["type"] == VisitCompleted.contract.ce_type]
    assert "hunter2" in str(await onsite.state())
    await onsite.deliver(
        TextRedacted(
            case_id=CASE,
            what="note",
            id=new_id(),
            source_id=told,
            replacement="(a code)",
            reason="it opens a door",
            by="manager:1",
            by_role="manager",
            redacted_at=await onsite.now(),
        )
    )
    async with onsite.transaction() as tx:
        kept = await tx.connection.fetch("SELECT body FROM idempotency_keys")
    found = str(await onsite.state()) + str([row["data"] for row in await onsite.outbox()]) + str(kept)
    assert "hunter2" not in found
    signed = (await onsite.get(PATH)).json()["appointment"]["sign_offs"]
    assert signed["customer"]["note"] == "(a code)"
