"""What a customer and an engineer send through the public API, and how they see what became of it."""

from __future__ import annotations

from typing import Any

from deploy.local.story.people import Person
from deploy.local.waiting import until_async

SECONDS = 60

X70 = {
    "product_number": "8L531AA",
    "serial": "8L263979C412FB",
}
"""A unit of the demo's first account in Ho Chi Minh City, covered with onsite."""


def a_request(**changed: Any) -> dict[str, Any]:
    """A service request about the X70."""
    return {
        "description": "No picture from the camera.",
        "observed_impact": "degraded",
        "severity": "major",
        "language": "en",
        **X70,
        **changed,
    }


def a_failed_camera() -> dict[str, Any]:
    """A diagnosis that calls for a part and a technician."""
    return {
        "component": "camera module",
        "fault_code": "CAM-NO-SIGNAL",
        "domain": "hardware",
        "remedy": "onsite_replacement",
        "part_number": "CAM-X70-01",
        "findings": "The camera does not answer on its bus.",
        "confidence": "high",
    }


def a_partners_fault(partner_id: str) -> dict[str, Any]:
    """A diagnosis that calls for a ticket with the cloud partner."""
    return {
        "component": "Teams Rooms",
        "fault_code": "TEAMS-CAM-POLICY",
        "domain": "partner_environment",
        "remedy": "partner_ticket",
        "partner_id": partner_id,
        "findings": "A policy turns the camera off.",
        "confidence": "medium",
    }


async def sees(person: Person, path: str, **params: str) -> dict[str, Any]:
    """The first item of a list, once there is one."""
    found: list[dict[str, Any]] = []

    async def any_there() -> bool:
        found[:] = (await person.get(path, **params))["items"]
        return bool(found)

    await until_async(any_there, seconds=SECONDS, otherwise=f"{path} with {params} stayed empty")
    return found[0]


async def call_off(case_id: str, customer: Person, engineer: Person) -> None:
    """So that its clocks do not run through the other journeys."""
    await customer.post(f"/v1/cases/{case_id}/cancel", {"reason": "It works again."})
    await engineer.post(f"/v1/cases/{case_id}/cancellation", {"decision": "accept", "reason": "Nothing is left to do."})
