"""A database of before labels had one form, and how rows got into it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

from deploy.local.databases import ServiceDatabase
from deploy.local.migrate import migrate
from libs.store import Database
from libs.store.ids import new_id
from services.entitlements.app import service
from tests.support.harness import Harness

NUMBER = "83Z52AA"
FIRST, SECOND = UUID(int=1), UUID(int=2)  # accounts; the first registers before the second


def old_key(number: str, serial: str) -> UUID:
    """A registration's key as it was."""
    return uuid5(NAMESPACE_URL, f"polyplus:registration:{number}:{serial}")


class Before:
    """A database as it was, and how rows got into it."""

    def __init__(self, owner: asyncpg.Connection, made: ServiceDatabase) -> None:
        self.owner, self.made = owner, made

    async def row(self, table: str, **values: Any) -> UUID:
        known = {"id": new_id(), "version": 0, "revision": 0, **values}
        columns, places = ", ".join(f'"{each}"' for each in known), ", ".join(f"${n}" for n in range(1, len(known) + 1))
        stored = [json.dumps(each) if isinstance(each, dict | list) else each for each in known.values()]
        await self.owner.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", *stored)
        id: UUID = known["id"]
        return id

    async def account(self, id: UUID) -> None:
        at = await self.owner.fetchval("SELECT app_now()")
        await self.row("accounts", id=id, name="A", country="VN", time_zone="UTC", language="vi", created_at=at)
        today = at.date()
        term = {"starts_on": str(today), "ends_on": str(today.replace(year=today.year + 1))}
        await self.row(
            "contracts",
            account_id=id,
            number=f"PPC-{id.int}",
            plan="poly_plus",
            features=["advance_replacement"],
            options=[],
            families=[],
            terms=[term],
            state="active",
            history=[],
            created_at=at,
        )

    async def registration(
        self, account: UUID, serial: str, number: str = NUMBER, *, version: int = 1, history: Any = ()
    ) -> UUID:
        """With the row of its serial."""
        at = await self.owner.fetchval("SELECT app_now()")
        id = await self.row(
            "registrations",
            account_id=account,
            product_number=number,
            serial=serial,
            family="studio",
            model="Studio X70",
            state="registered",
            history=list(history),
            created_at=at,
        )
        await self.row(
            "registered_serials",
            id=old_key(number, serial),
            account_id=account,
            registration_id=id,
            product_number=number,
            serial=serial,
            version=version,
        )
        return id

    async def replaced_serial(self, registration: UUID, account: UUID, serial: str, by: str) -> None:
        """One that the registration had before."""
        await self.row(
            "registered_serials",
            id=old_key(NUMBER, serial),
            account_id=account,
            registration_id=registration,
            product_number=NUMBER,
            serial=serial,
            replaced_by=by,
            successor=old_key(NUMBER, by),
            replaced_at=await self.owner.fetchval("SELECT app_now()"),
            version=1,
        )

    @asynccontextmanager
    async def upgraded(self) -> AsyncIterator[Harness]:
        """The service on the migrated database, with all done that it does once started."""
        await migrate("entitlements", self.made.owner_url)
        database = await Database.connect(self.made.runtime_url, size=4)
        h = Harness(service, database, self.made.owner_url)
        async with h.app.router.lifespan_context(h.app), h.http:
            await h.fire_timers()
            yield h
        await database.close()


def step(by: str, reason: str | None, **more: Any) -> dict[str, Any]:
    return {"state": "registered", "at": "2026-01-05T08:00:00Z", "by": by, "reason": reason, **more}
