"""A service of one table and a few routes, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, Field

from libs.bus import Handlers
from libs.events import Event
from libs.kit.auth import Principal, Verifier, mint
from libs.kit.http import Caller, Command, Router, Tx, allow, public
from libs.kit.policies import Policies
from libs.kit.policy_routes import policy_router
from libs.kit.problems import Conflict
from libs.kit.service import Service
from libs.store import Database, Entity
from libs.store.ids import new_id
from tests.support.tables import lent_database

KEY = Ed25519PrivateKey.generate()
ACCOUNT, OTHER = uuid4(), uuid4()


class Parcel(Entity, table="parcels", unique=("name",)):
    account_id: UUID
    name: str
    weight: int = 1


class ParcelMade(Event, type="polyplus.parcels.parcel-made", visibility="public", subject="parcel_id"):
    """A parcel was made."""

    parcel_id: UUID


class MakeParcel(Command):
    name: str = Field(min_length=1)
    weight: int = 1


class ParcelOut(BaseModel):
    id: UUID
    name: str
    weight: int


class TooHeavy(Conflict):
    """The rule of this service."""


class ParcelPolicy(BaseModel):
    heaviest: int = Field(100, gt=0)
    days: int = 5


router = Router(tags=["parcels"])


def _out(parcel: Parcel) -> ParcelOut:
    return ParcelOut(id=parcel.id, name=parcel.name, weight=parcel.weight)


@router.post("/v1/parcels", status_code=201, dependencies=[allow("customer", "engineer")])
async def make_parcel(cmd: MakeParcel, tx: Tx, caller: Caller) -> ParcelOut:
    account = next(iter(caller.accounts), ACCOUNT)
    parcel = tx.add(Parcel(id=new_id(), account_id=account, name=cmd.name, weight=cmd.weight))
    tx.emit(ParcelMade(parcel_id=parcel.id))
    if cmd.weight > 100:
        raise TooHeavy("At most 100.", state="made", possible=["split"], parcel_id=parcel.id)
    if cmd.weight < 0:
        raise ZeroDivisionError("secret-inside")
    return _out(parcel)


@router.get("/v1/parcels/{parcel_id}", dependencies=[allow("customer", "engineer")])
async def read_parcel(parcel_id: UUID, tx: Tx) -> ParcelOut:
    return _out(await Parcel.get(parcel_id, tx))


@router.patch("/v1/parcels/{parcel_id}", dependencies=[allow("engineer")])
async def weigh_parcel(parcel_id: UUID, cmd: MakeParcel, tx: Tx) -> ParcelOut:
    parcel = await Parcel.get(parcel_id, tx, lock=True)
    parcel.weight = cmd.weight
    return _out(parcel)


@router.post("/v1/hook", dependencies=[public()])
async def hook(tx: Tx) -> dict[str, str]:
    return {"scope": tx.scope.kind}


policies = Policies("parcels", ParcelPolicy)
service = Service(
    name="parcels",
    routers=[router, policy_router(policies)],
    handlers=Handlers("parcels"),
)


@dataclass
class Api:
    """The service's API over HTTP, and its database."""

    http: httpx.AsyncClient
    database: Database

    def headers(self, role: str = "engineer", *accounts: UUID, key: str | None = None, **more: str) -> dict[str, str]:
        caller = Principal(UUID(int=7), "a caller", role, frozenset(accounts))
        return {"authorization": f"Bearer {mint(caller, KEY)}", "idempotency-key": key or str(uuid4()), **more}

    async def make(
        self, name: str, *, key: str | None = None, role: str = "engineer", weight: int = 1
    ) -> httpx.Response:
        accounts = (ACCOUNT,) if role == "customer" else ()
        return await self.http.post(
            "/v1/parcels", json={"name": name, "weight": weight}, headers=self.headers(role, *accounts, key=key)
        )

    async def count(self, table: str) -> int:
        async with self.database.transaction(Principal(UUID(int=7), "", "ops").scope) as tx:
            found: int = await tx.connection.fetchval(f"SELECT count(*) FROM {table}")
            return found


@pytest_asyncio.fixture(loop_scope="session")
async def api(postgres_url: str) -> AsyncIterator[Api]:
    async with lent_database(postgres_url, Parcel, tenants=True) as (_, url):
        database = await Database.connect(url, size=5)
        app = service.app(database, Verifier(KEY.public_key()))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Api(http, database)
        await database.close()
