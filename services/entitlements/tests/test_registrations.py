"""Units are registered once, one or many at a time; they move, are replaced and withdrawn, and nobody learns of another's."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from deploy.local.waiting import until_async
from libs.events.entitlements import (
    ProductRegistered,
    ProductTransferred,
    RegistrationState,
    SerialReplaced,
    registration_key,
)
from libs.store.ids import new_id
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract
from services.entitlements.tests.builders import (
    SERIAL,
    SPARE,
    X70,
    Customer,
    a_contract,
    a_covered_customer,
    a_customer,
    a_product,
    a_registration,
    a_site,
    replaced,
)
from tests.support.harness import Harness


def as_customer(customer: Customer) -> dict[str, Any]:
    return {"role": "customer", "accounts": [customer.account_id]}


async def two_customers(h: Harness) -> tuple[Customer, Customer]:
    owner = await a_covered_customer(h)
    return owner, await a_customer(h, "Công ty TNHH Bến Nghé", name="Kho Quận 7")


async def state_of(h: Harness, serial: str) -> RegistrationState | None:
    """The latest record of the serial on the state topic."""
    return (await h.states(RegistrationState))[registration_key(X70, serial)]


@pytest.mark.promise("S16")
async def test_an_administrator_registers_a_unit_by_serial(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    body = {"product_number": X70, "serial": SERIAL, "site_id": str(customer.site_id), "hardware_revision": "B"}

    answer = await entitlements.post("/v1/registrations", body, **as_customer(customer))

    assert answer.status_code == 201
    (told,) = await entitlements.events(ProductRegistered)
    assert (told.serial, told.model, told.account_name) == (SERIAL, "Studio X70", "Công ty Cổ phần Sao Mai")
    assert (told.site_id, told.contact_id) == (customer.site_id, customer.contact_id)
    record = await state_of(entitlements, SERIAL)
    assert record
    assert (record.account_id, record.site_id, record.replaced_by) == (customer.account_id, customer.site_id, None)


async def test_the_same_key_registers_once_and_answers_the_same(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    body = {"product_number": X70, "serial": SERIAL}

    first = await entitlements.post("/v1/registrations", body, key="k", **as_customer(customer))
    second = await entitlements.post("/v1/registrations", body, key="k", **as_customer(customer))

    assert first.content == second.content
    assert len(await entitlements.events(ProductRegistered)) == 1


@pytest.mark.promise("S16")
async def test_a_unit_of_another_account_is_refused_without_a_word_about_it(entitlements: Harness) -> None:
    owner, other = await two_customers(entitlements)

    refused = await entitlements.post(
        "/v1/registrations", {"product_number": X70, "serial": SERIAL}, **as_customer(other)
    )
    own = await entitlements.post("/v1/registrations", {"product_number": X70, "serial": SERIAL}, **as_customer(owner))

    assert (refused.status_code, own.status_code) == (409, 409)
    assert refused.json()["registration_id"] is None
    assert own.json()["registration_id"]
    assert str(owner.account_id) not in refused.text
    assert "Sao Mai" not in refused.text
    covered = await entitlements.get(f"/v1/coverage?product_number={X70}&serial={SERIAL}", **as_customer(other))
    assert (covered.json()["covered"], covered.json()["reason"]) == (False, "not_registered")
    assert len(await entitlements.events(ProductRegistered)) == 1


async def test_two_accounts_that_register_one_unit_at_once_do_not_both_get_it(entitlements: Harness) -> None:
    first = await a_customer(entitlements)
    second = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Quận 7")
    await a_product(entitlements)
    body = {"product_number": X70, "serial": SERIAL}

    answers = await asyncio.gather(
        *(entitlements.post("/v1/registrations", body, **as_customer(each)) for each in (first, second, first, second))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await entitlements.events(ProductRegistered)) == 1


async def test_a_unit_moves_to_another_site_of_its_account(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    hanoi = await a_site(entitlements, customer.account_id, name="Văn phòng Hoàn Kiếm", city="Hà Nội", region="HN")
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    etag = (await entitlements.get(f"/v1/registrations/{unit['id']}")).headers["etag"]

    moved = await entitlements.patch(
        f"/v1/registrations/{unit['id']}", {"site_id": hanoi}, etag=etag, **as_customer(customer)
    )

    assert moved.json()["site_id"] == hanoi
    (told,) = await entitlements.events(ProductTransferred)
    assert (str(told.site_id), told.contact_id) == (hanoi, None)
    record = await state_of(entitlements, SERIAL)
    assert record
    assert str(record.site_id) == hanoi
    stale = await entitlements.patch(
        f"/v1/registrations/{unit['id']}", {"site_id": None}, etag=etag, **as_customer(customer)
    )
    assert stale.status_code == 412


async def test_a_unit_goes_to_another_account_which_learns_nothing_of_the_one_before(entitlements: Harness) -> None:
    owner, other = await two_customers(entitlements)
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    body = {"account_id": str(other.account_id), "site_id": str(other.site_id), "reason": "Sold"}

    answer = await entitlements.post(f"/v1/registrations/{unit['id']}/transfer", body, role="manager")

    assert answer.status_code == 200
    (told,) = await entitlements.events(ProductTransferred)
    assert (told.account_id, told.plan) == (other.account_id, None)
    assert str(owner.account_id) not in told.model_dump_json()
    gone = await entitlements.get(f"/v1/registrations/{unit['id']}", **as_customer(owner))
    assert gone.status_code == 404
    record = await state_of(entitlements, SERIAL)
    assert record
    assert record.account_id == other.account_id


async def test_the_new_owner_reads_nothing_that_was_written_in_the_old_ones_time(entitlements: Harness) -> None:
    h = entitlements
    owner, other = await two_customers(h)
    (unit,) = (await h.get("/v1/registrations")).json()["items"]
    path = f"/v1/registrations/{unit['id']}"
    etag = (await h.get(path, **as_customer(owner))).headers["etag"]
    await h.patch(path, {"firmware": "4.1"}, etag=etag, **as_customer(owner))
    who = UUID(int=sum(b"customer") + owner.account_id.int % 2**100)
    secret = (str(who), str(owner.account_id), "unpaid")
    assert str(who) in (await h.get(path, **as_customer(owner))).text

    body = {"account_id": str(other.account_id), "reason": "sold by the first, unpaid"}
    assert (await h.post(f"{path}/transfer", body, role="manager")).status_code == 200
    etag = (await h.get(path, **as_customer(other))).headers["etag"]
    changed = await h.patch(path, {"firmware": "4.2"}, etag=etag, **as_customer(other))

    reads = [changed, *[await h.get(each, **as_customer(other)) for each in (path, "/v1/registrations")]]
    for read in reads:
        assert not [word for word in secret if word in read.text]
    assert [step["reason"] for step in reads[1].json()["history"]] == [None, "changed"]
    reasons = [step["reason"] for step in (await h.get(path, role="manager")).json()["history"]]
    assert reasons == [None, "changed", "sold by the first, unpaid", None, "changed"]
    (told,) = await h.events(ProductTransferred)
    assert not [word for word in secret if word in told.model_dump_json()]


async def test_a_unit_that_is_withdrawn_is_free_for_anybody(entitlements: Harness) -> None:
    owner, other = await two_customers(entitlements)
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    path = f"/v1/registrations/{unit['id']}/withdraw"

    first = await entitlements.post(path, {"reason": "Sold"}, **as_customer(owner))
    record = await state_of(entitlements, SERIAL)
    again = await entitlements.post(path, {"reason": "Sold"}, **as_customer(owner))
    taken = await entitlements.post(
        "/v1/registrations", {"product_number": X70, "serial": SERIAL}, **as_customer(other)
    )

    assert (first.status_code, record) == (200, None)
    assert (again.status_code, again.json()["state"], again.json()["possible"]) == (409, "withdrawn", [])
    assert taken.status_code == 201


@pytest.mark.promise("S2", "S16")
async def test_a_whole_units_registration_moves_to_the_replacement(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    case_id = new_id()

    await entitlements.deliver(replaced(case_id), account_id=customer.account_id)

    (told,) = await entitlements.events(SerialReplaced)
    assert (str(told.registration_id), told.old_serial, told.new_serial) == (unit["id"], SERIAL, SPARE)
    assert told.replaced_in_case == case_id
    old = await entitlements.get(f"/v1/coverage?product_number={X70}&serial={SERIAL}", **as_customer(customer))
    new = await entitlements.get(f"/v1/coverage?product_number={X70}&serial={SPARE}", **as_customer(customer))
    assert (old.json()["covered"], old.json()["reason"], old.json()["replaced_by"]) == (False, "serial_replaced", SPARE)
    assert new.json()["covered"]
    was, now = await state_of(entitlements, SERIAL), await state_of(entitlements, SPARE)
    assert was
    assert now
    assert (was.replaced_by, was.plan, now.replaced_by, now.plan) == (SPARE, None, None, "poly_plus")
    shown = (await entitlements.get(f"/v1/registrations/{unit['id']}")).json()
    assert {each["serial"]: each["replaced_by"] for each in shown["serials"]} == {SERIAL: SPARE, SPARE: None}
    assert shown["history"][-1]["by"] == "technician:chau"


async def test_who_told_of_a_replacement_stands_for_a_name_that_an_older_event_had(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    told_before = replaced(new_id(), by=None)

    await entitlements.deliver(told_before, account_id=customer.account_id, actor="customer:an")

    shown = (await entitlements.get(f"/v1/registrations/{unit['id']}")).json()
    assert shown["history"][-1]["by"] == "customer:an"


async def test_the_firmware_of_a_unit_is_noted_and_is_not_its_replacements(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    path = f"/v1/registrations/{await a_registration(entitlements, customer, firmware='4.4.1-440156')}"
    registered = await entitlements.get(path)

    updated = await entitlements.patch(
        path, {"firmware": "4.5.0-448317"}, etag=registered.headers["etag"], **as_customer(customer)
    )
    await entitlements.deliver(replaced(new_id()), account_id=customer.account_id)

    told = [
        registered.json()["firmware"],
        updated.json()["firmware"],
        (await entitlements.get(path)).json()["firmware"],
    ]
    assert told == ["4.4.1-440156", "4.5.0-448317", None]


async def test_a_component_moves_no_registration(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)

    installed = replaced(new_id(), whole_unit=False, component="camera_module")
    await entitlements.deliver(installed, account_id=customer.account_id)

    assert await entitlements.events(SerialReplaced) == []


async def test_a_replacement_heard_of_before_the_unit_was_registered_is_kept(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await entitlements.deliver(replaced(new_id()), account_id=customer.account_id)

    id = await a_registration(entitlements, customer)

    assert (await entitlements.get(f"/v1/registrations/{id}")).json()["serial"] == SPARE
    assert len(await entitlements.events(SerialReplaced)) == 1


async def test_a_replacement_that_the_customer_registered_too_ends_the_old_registration(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    mine = await a_registration(entitlements, customer, SPARE)

    await entitlements.deliver(replaced(new_id()), account_id=customer.account_id)

    assert len(await entitlements.events(SerialReplaced)) == 1
    by_serial = {unit["serial"]: unit for unit in (await entitlements.get("/v1/registrations")).json()["items"]}
    assert (by_serial[SPARE]["id"], by_serial[SPARE]["state"]) == (mine, "registered")
    assert by_serial[SERIAL]["state"] == "withdrawn"


async def test_two_units_never_become_one_registration(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    first, second = unit["id"], await a_registration(entitlements, customer, "SECOND-1")
    await entitlements.deliver(replaced(new_id()), account_id=customer.account_id)
    await entitlements.deliver(replaced(new_id(), old="SECOND-1"), account_id=customer.account_id)
    await entitlements.deliver(replaced(new_id(), old="SECOND-1", new="SECOND-1"), account_id=customer.account_id)
    for id, serial in ((first, SPARE), (second, "SECOND-1")):
        shown = (await entitlements.get(f"/v1/registrations/{id}")).json()
        assert (shown["state"], shown["serial"]) == ("registered", serial)
    assert len(await entitlements.events(SerialReplaced)) == 1


async def test_a_unit_that_was_repaired_takes_another_ones_place_in_the_same_account(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    (unit,) = (await entitlements.get("/v1/registrations")).json()["items"]
    first, second = unit["id"], await a_registration(entitlements, customer, "SECOND-1")
    await entitlements.deliver(replaced(new_id()), account_id=customer.account_id)
    await entitlements.deliver(replaced(new_id(), old="SECOND-1", new=SERIAL), account_id=customer.account_id)
    for id, serial in ((first, SPARE), (second, SERIAL)):
        shown = (await entitlements.get(f"/v1/registrations/{id}")).json()
        assert (shown["state"], shown["serial"]) == ("registered", serial)
    assert (await entitlements.get(f"/v1/coverage?product_number={X70}&serial={SERIAL}")).json()["covered"]
    await entitlements.deliver(replaced(new_id(), old=SERIAL, new=SPARE), account_id=customer.account_id)
    assert (await entitlements.get(f"/v1/registrations/{second}")).json()["serial"] == SERIAL


async def test_a_replacements_serial_of_another_account_moves_nothing(entitlements: Harness) -> None:
    owner, other = await two_customers(entitlements)
    await a_registration(entitlements, other, SPARE, site_id=str(other.site_id))

    installed = replaced(new_id(), installed_at=await entitlements.now() + timedelta(days=1))
    await entitlements.deliver(installed, account_id=owner.account_id)

    assert await entitlements.events(SerialReplaced) == []
    assert {
        UUID(u["account_id"]) for u in (await entitlements.get(f"/v1/registrations?serial={SPARE}")).json()["items"]
    } == {other.account_id}


async def test_a_contract_that_changes_while_a_registration_waits_is_read_as_it_is_then(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    contract_id = await a_contract(entitlements, customer.account_id)
    async with entitlements.transaction() as tx:
        await Account.get(customer.account_id, tx, lock=True)
        registering = asyncio.create_task(a_registration(entitlements, customer, contract_id=contract_id))
        await until_async(lambda: _somebody_waits(entitlements), seconds=10, otherwise="nobody waits for the account")
        contract = await Contract.get(UUID(contract_id), tx, lock=True)
        contract.families = ["another"]
    await registering
    state = await state_of(entitlements, SERIAL)
    assert state is not None
    assert state.plan is None


async def _somebody_waits(h: Harness) -> bool:
    async with h.database.pool.acquire() as connection:
        waiting = (
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await connection.fetchval(waiting))
