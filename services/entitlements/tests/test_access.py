"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from typing import Any
from uuid import UUID

from services.entitlements.app import service
from services.entitlements.tests.builders import (
    X70,
    a_contract,
    a_customer,
    a_product,
    a_registration,
    onsite_in_vietnam,
)
from services.entitlements.tests.test_calendars import a_calendar
from tests.support.access import Row, World, bind, made, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness

MINE = frozenset({"accounts"})


async def a_world(entitlements: Harness) -> World:
    """Two accounts with one of each, and the catalogue that is everybody's."""
    product, rule = await a_product(entitlements), await onsite_in_vietnam(entitlements)
    calendar = (await a_calendar(entitlements))["id"]
    reseller = await made(entitlements, "/v1/resellers", {"name": "Ánh Dương", "country": "VN"}, role="admin")
    mine, theirs = [await an_account(entitlements, name) for name in ("Sao Mai", "Sông Hương")]
    bind(entitlements, UUID(mine["account_id"]))
    rows: dict[str, list[Row]] = {
        f"/v1/{plural}": [Row({name: mine[name]}, MINE), Row({name: theirs[name]})]
        for plural, name in (
            ("accounts", "account_id"),
            ("sites", "site_id"),
            ("contacts", "contact_id"),
            ("contracts", "contract_id"),
            ("offers", "offer_id"),
            ("registrations", "registration_id"),
            ("licences", "licence_id"),
        )
    }
    rows |= {
        "/v1/products": [Row({"product_id": product})],
        "/v1/calendars": [Row({"calendar_id": calendar})],
        "/v1/resellers": [Row({"reseller_id": reseller})],
        "/v1/onsite-rules": [Row({"rule_id": rule})],
    }
    to = {"account_id": mine["account_id"], "reason": "sold"}
    return World(entitlements, rows, bodies={"/transfer": to})


async def an_account(h: Harness, company: str) -> dict[str, str]:
    customer = await a_customer(h, company)
    contract = await a_contract(h, customer.account_id)
    licence: dict[str, Any] = {"account_id": str(customer.account_id), "key": company, "software": "Lens"}
    async with h.transaction() as tx:
        [offer] = await tx.connection.fetch("SELECT id FROM offers WHERE account_id = $1", customer.account_id)
    return {
        "account_id": str(customer.account_id),
        "site_id": str(customer.site_id),
        "contact_id": str(customer.contact_id),
        "contract_id": contract,
        "offer_id": str(offer["id"]),
        "registration_id": await a_registration(h, customer, serial=f"{X70}{len(company)}"),
        "licence_id": await made(h, "/v1/licences", licence | {"valid_from": "2026-01-01"}, role="admin"),
    }


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(entitlements: Harness) -> None:
    assert await wrong_reads(await a_world(entitlements)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(entitlements: Harness) -> None:
    assert await wrong_commands(await a_world(entitlements)) == []
