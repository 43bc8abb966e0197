"""The service on a real database, and a real carrier beside it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.waiting import until_async
from deploy.simulators.carrier import Carrier, carrier_app
from deploy.simulators.process import Place
from deploy.simulators.shipments import Shipment
from deploy.simulators.tests.receiving import PATIENCE, SECRET, free_socket, serving, url_of
from services.rma.app import service
from services.rma.tests.builders import CONTACT, HEAD_OFFICE, LAN, SITE
from services.rma.tests.network import HCM, SGP
from tests.support.harness import Harness, harness_fixture

unbound = harness_fixture(service)


@pytest_asyncio.fixture(loop_scope="session")
async def rma(unbound: Harness) -> Harness:
    """Whoever calls as a depot keeps both of the network's, unless a test says otherwise; the case's site and contact are known."""
    unbound.bound = {"depot": {"depots": [HCM, SGP]}}
    await unbound.learn({SITE.site_id: HEAD_OFFICE, CONTACT: LAN})
    return unbound


@dataclass
class CarrierCompany:
    """The simulated carrier as the tests move it."""

    http: httpx.AsyncClient
    owes_nothing: Callable[[], bool]
    sold: Callable[[], list[Shipment]]

    async def happens(self, tracking: str, what: str) -> None:
        """Something happens to a parcel, by hand; when this returns, the service has heard of it."""
        (await self.http.post(f"/simulate/shipments/{tracking}/{what}", json={})).raise_for_status()
        await until_async(self.owes_nothing, seconds=PATIENCE, otherwise="the carrier still owes notices")

    async def faults(self, **faults: Any) -> None:
        (await self.http.put("/simulate/faults", json=faults)).raise_for_status()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("POLYPLUS_CARRIER_WEBHOOK_SECRET", SECRET)
    return SECRET


@pytest_asyncio.fixture
async def carrier(
    rma: Harness, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CarrierCompany]:
    """The simulated carrier over real HTTP, telling the service over real HTTP."""
    ours, theirs = free_socket(), free_socket()
    place = Place(url_of(theirs), f"{url_of(ours)}/v1/carrier-events", secret, tmp_path / "carrier.sqlite")
    monkeypatch.setenv("POLYPLUS_CARRIER_URL", place.url)
    there = Carrier(place)
    async with (
        serving(rma.app, ours),
        serving(carrier_app(there), theirs),
        httpx.AsyncClient(base_url=place.url, timeout=30) as http,
    ):
        yield CarrierCompany(http, lambda: there.memory.owed() == 0, lambda: there.newest(50))
