"""A contact is forgotten where they asked, agreed or wrote."""

from uuid import UUID, uuid4

from libs.events.values import Contact
from services.cases.model.case import Case
from services.cases.model.case_values import PartnerRequest
from services.cases.model.note import Note
from services.cases.tests.builders import ACCOUNT, OTHER, PARTNER, a_request, coverage
from tests.support.forgetting import erased, open_with
from tests.support.harness import Harness

AN = uuid4()


def called(contact_id: UUID) -> Contact:
    return Contact.model_validate({"contact_id": contact_id, "name": "Ai đó"})


async def a_case(cases: Harness, name: str, **fields: str) -> str:
    body = a_request(account_id=str(ACCOUNT), reporter_name=name, **fields)
    answer = await cases.post("/v1/cases", body, key=fields.get("contact_id", "none"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_who_asked_is_forgotten_and_nobody_else(cases: Harness) -> None:
    theirs = await a_case(cases, "Nguyễn Văn An", contact_id=str(AN))
    anothers = await a_case(cases, "Trần Thị Bích", contact_id=str(uuid4()))

    await cases.deliver(erased(AN, ACCOUNT))

    names = {id: (await cases.get(f"/v1/cases/{id}")).json()["reporter_name"] for id in (theirs, anothers)}
    assert names == {theirs: None, anothers: "Trần Thị Bích"}
    body = a_request(account_id=str(ACCOUNT), reporter_name="Nguyễn Văn An", contact_id=str(AN))
    assert (await cases.post("/v1/cases", body, key=str(AN))).status_code == 410


async def test_who_agreed_or_wrote_is_forgotten(cases: Harness) -> None:
    case_id = await a_case(cases, "Trần Thị Bích")
    await cases.post(f"/v1/cases/{case_id}/notes", {"text": "Đã thử lại", "visibility": "public"})
    async with cases.transaction() as tx:
        [case] = await tx.select(Case, lock=True)
        agreed = PartnerRequest(
            id=uuid4(),
            partner_id=PARTNER,
            consent=True,
            consent_given_by="Nguyễn Văn An",
            contact_id=AN,
            message=None,
            by="engineer:1",
            at=tx.now,
        )
        case.partner_requests = [agreed]
        [note] = await tx.select(Note, lock=True)
        note.author_name, note.by = "Nguyễn Văn An", f"customer:{AN}"

    await cases.deliver(erased(AN, OTHER))
    assert await typed(cases) == ("Nguyễn Văn An", "Nguyễn Văn An")
    await cases.deliver(erased(AN, ACCOUNT))
    assert await typed(cases) == (None, None)


async def typed(cases: Harness) -> tuple[str | None, str | None]:
    async with cases.transaction() as tx:
        [case], [note] = await tx.select(Case), await tx.select(Note)
    return case.partner_requests[0].consent_given_by, note.author_name


async def test_an_open_case_is_open_with_who_asked_until_a_successor_is_named(cases: Harness) -> None:
    id = await a_case(cases, "Nguyễn Văn An", contact_id=str(AN))
    case = (await cases.get(f"/v1/cases/{id}")).json()
    bich = uuid4()

    assert await open_with(cases, AN) == [("case", case["number"], "acknowledged")]
    await cases.deliver(coverage(UUID(id), revision=1, contact=called(AN)))
    assert await open_with(cases, AN) == [("case", case["number"], "acknowledged")]
    await cases.deliver(coverage(UUID(id), revision=2, contact=called(bich)))
    assert (await open_with(cases, AN), await open_with(cases, bich)) == ([], [])


async def test_a_case_that_is_over_is_not_open(cases: Harness) -> None:
    id = await a_case(cases, "Nguyễn Văn An", contact_id=str(AN))
    answer = await cases.post(f"/v1/cases/{id}/cancel", {"reason": "A mistake"}, role="manager")
    assert answer.status_code == 200, answer.text

    assert await open_with(cases, AN) == []
