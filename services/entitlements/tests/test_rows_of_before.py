"""What stood in the tables before a release is found and told of as what came after it."""

from datetime import timedelta

from libs.events.entitlements import ContractExpiring
from services.entitlements.tests.before import FIRST, Before


async def test_a_contact_and_a_contract_of_before_are_found_and_told_of(before: Before) -> None:
    await before.account(FIRST)
    at = await before.owner.fetchval("SELECT app_now()")
    ends_on = at.date() + timedelta(days=45)
    await before.owner.execute(
        "UPDATE contracts SET terms = jsonb_build_array(jsonb_build_object('starts_on', $1::text, 'ends_on', $2::text))",
        str(at.date()),
        str(ends_on),
    )
    await before.row(
        "contacts",
        account_id=FIRST,
        name="Bồ",
        email="Bo.Tran@SaoMai.example",
        language="vi",
        authorised=True,
        created_at=at,
    )

    async with before.upgraded() as h:
        found = (await h.get("/v1/contacts?email=bo.tran@saomai.example")).json()["items"]
        assert [each["name"] for each in found] == ["Bồ"]
        assert [each.days_left for each in await h.events(ContractExpiring)] == [45]
