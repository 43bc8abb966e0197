"""The service on a real database, and a real partner's ticket system beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from deploy.simulators.partner import Partner as PartnerCompany
from deploy.simulators.partner import partner_app
from deploy.simulators.process import Place
from deploy.simulators.tests.receiving import SECRET, free_socket, serving, url_of
from services.ecps.app import service
from services.ecps.connectors import breaker
from services.ecps.tests.builders import PartnerSystem
from tests.support.harness import Harness, harness_fixture

ecps = harness_fixture(service)
ONE_BY_ONE = httpx.Limits(max_keepalive_connections=0)  # the server may just be closing the one that is kept


@pytest.fixture(autouse=True)
def sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPLUS_SANDBOX", "1")
    monkeypatch.setenv("POLYPLUS_ECPS_ENCRYPTION_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("POLYPLUS_PARTNER_WEBHOOK_SECRET", SECRET)
    breaker.forget()


@pytest_asyncio.fixture
async def company(
    ecps: Harness, sandbox: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PartnerSystem]:
    """The simulated partner over real HTTP, telling the service over real HTTP."""
    ours, theirs = free_socket(), free_socket()
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", url_of(theirs).removeprefix("http://"))
    place = Place(url_of(theirs), f"{url_of(ours)}/v1/partner-events", SECRET, tmp_path / "partner.sqlite")
    there = PartnerCompany(place)
    app = partner_app(there)
    async with (
        serving(ecps.app, ours),
        serving(app, theirs),
        httpx.AsyncClient(base_url=place.url, limits=ONE_BY_ONE) as http,
    ):
        yield PartnerSystem(place.url, http, lambda: there.memory.owed() == 0)
