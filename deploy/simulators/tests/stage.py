"""A simulated partner in service, and how to call it."""

from typing import Any

import httpx

from deploy.simulators.partner import Partner
from deploy.simulators.tickets import PATH


def a_request(reference: str = "PE-2026-000042") -> dict[str, Any]:
    return {
        "@type": "TroubleTicket",
        "description": "Camera fails only inside Teams Rooms",
        "severity": "Critical",
        "ticketType": "incident",
        "externalIdentifier": [{"@type": "ExternalIdentifier", "id": reference, "owner": "Poly+"}],
        "note": [{"@type": "Note", "author": "Poly+", "text": "Findings: the module was replaced, the fault stays."}],
    }


def under(reference: str) -> dict[str, str]:
    return {"filter": f"externalIdentifier[?(@.id=='{reference}')]"}


class Stage:
    """A partner in service and how to call it."""

    def __init__(self, partner: Partner, http: httpx.AsyncClient) -> None:
        self.partner, self.http = partner, http

    async def open(self, reference: str = "PE-2026-000042") -> dict[str, Any]:
        answer = await self.http.post(PATH, json=a_request(reference))
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket

    async def show(self, ticket: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.http.get(f"{PATH}/{ticket['id']}")).json()
        return shown

    async def search(self, reference: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get(PATH, params=under(reference))).json()
        return found

    async def does(self, ticket: dict[str, Any], what: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/simulate/tickets/{ticket['id']}/{what}", json=body)

    async def faults(self, **faults: Any) -> None:
        assert (await self.http.put("/simulate/faults", json=faults)).status_code == 200
