"""Both simulators as the processes they are: started by their module's name, killed, started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.waiting import until_async
from deploy.simulators.process import Place
from deploy.simulators.tests.receiving import SECRET, Receiver, free_socket, url_of
from deploy.simulators.tests.stage import a_request
from deploy.simulators.tests.test_carrier import a_booking
from deploy.simulators.tickets import PATH

PATIENCE = 30.0


def environment(name: str, url: str, receiver: str, home: Path) -> dict[str, str]:
    told = {"carrier": "RMA", "partner": "ECPS"}[name]
    kept = {variable: os.environ[variable] for variable in ("PATH", "HOME") if variable in os.environ}
    return kept | {
        f"POLYPLUS_{name.upper()}_URL": url,
        f"POLYPLUS_{told}_URL": receiver,
        f"POLYPLUS_{name.upper()}_WEBHOOK_SECRET": SECRET,
        "POLYPLUS_HOME": str(home),
    }


@contextmanager
def running(name: str, env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-m", f"deploy.simulators.{name}"], env=env, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


async def until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    def answers() -> bool:
        assert process.poll() is None, "the simulator has ended"
        try:
            return httpx.get(f"{url}/readyz", trust_env=False).is_success
        except httpx.ConnectError:
            return False

    await until_async(answers, seconds=PATIENCE, otherwise="the simulator is not ready")


def a_free_url() -> str:
    with free_socket() as listening:
        return url_of(listening)


async def test_a_killed_carrier_remembers_its_shipments_and_what_it_owes(tmp_path: Path, receiver: Receiver) -> None:
    url = a_free_url()
    nobody, somebody = (environment("carrier", url, told, tmp_path) for told in (a_free_url(), receiver.root))
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        with running("carrier", nobody) as first:
            await until_ready(first, url)
            booked = (await http.post("/shipments", json=a_booking())).json()
            first.send_signal(signal.SIGKILL)
        with running("carrier", somebody) as second:
            await until_ready(second, url)
            again = await http.post("/shipments", json=a_booking())
            assert (again.status_code, again.json()["tracking"]) == (200, booked["tracking"])
            await receiver.hears(1)
    assert receiver.told("status") == ["picked_up"]


async def test_a_terminated_partner_ends_cleanly_and_remembers_its_tickets(tmp_path: Path) -> None:
    url = a_free_url()
    env = environment("partner", url, a_free_url(), tmp_path)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        with running("partner", env) as first:
            await until_ready(first, url)
            ticket = (await http.post(PATH, json=a_request())).json()
            first.terminate()
            assert await asyncio.to_thread(first.wait, PATIENCE) in (0, -signal.SIGTERM)
        with running("partner", env) as second:
            await until_ready(second, url)
            assert (await http.get(f"{PATH}/{ticket['id']}")).json() == ticket


@pytest.mark.parametrize("missing", ["POLYPLUS_PARTNER_URL", "POLYPLUS_ECPS_URL", "POLYPLUS_PARTNER_WEBHOOK_SECRET"])
def test_a_simulator_without_a_setting_says_which(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environment("partner", "http://127.0.0.1:1", "http://127.0.0.1:2", tmp_path).items():
        monkeypatch.setenv(variable, value)
    assert Place.from_environment("partner", "ecps", "/v1/x").notify_url == "http://127.0.0.1:2/v1/x"
    monkeypatch.delenv(missing)
    with pytest.raises(SystemExit, match=missing):
        Place.from_environment("partner", "ecps", "/v1/x")


def test_a_secret_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment("partner", "http://127.0.0.1:1", "http://127.0.0.1:2", tmp_path).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("POLYPLUS_PARTNER_WEBHOOK_SECRET", "secret")
    with pytest.raises(SystemExit, match="whsec_"):
        Place.from_environment("partner", "ecps", "/v1/x")
