"""The job that buys a label from the carrier, and what its answer changes."""

from datetime import datetime
from typing import Any

import httpx

from libs.bus import GiveUp, JobRun
from libs.kit.fields import cleaned
from libs.kit.settings import setting
from libs.store import Transaction
from services.rma.model.rma import CARRIER_NEWS, Rma
from services.rma.model.shipment import Shipment


class CarrierUnknown(RuntimeError):
    """The process was not told where the carrier is."""


class NotOurShipment(Exception):
    """A shipment that does not carry our reference is somebody else's."""


async def buy_label(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The carrier's shipment under our reference: an earlier attempt's where there may have been one.

    Raises GiveUp when the carrier refuses it, NotOurShipment when its answer does not carry our reference.
    """
    carrier = setting("CARRIER_URL", "")
    if not carrier:
        raise CarrierUnknown("POLYPLUS_CARRIER_URL is not set: no label can be bought.")
    address = f"{carrier.rstrip('/')}/shipments"
    if run.attempt > 1:
        answer = await http.get(address, params={"reference": run.reference})
        found = cleaned(answer.raise_for_status().json())["items"]
        if ours := [each for each in found if each.get("reference") == run.reference]:
            return _answer(ours[0])
    response = await http.post(address, json=run.payload)
    if response.status_code in (400, 409, 422):
        raise GiveUp(f"the carrier refuses it ({response.status_code}): {cleaned(response.text[:500])}")
    made = cleaned(response.raise_for_status().json())
    if made.get("reference") != run.reference:
        raise NotOurShipment(f"the carrier answered {run.reference} with a shipment that does not carry it")
    return _answer(made)


def _answer(shipment: dict[str, Any]) -> dict[str, Any]:
    return {name: shipment.get(name) for name in ("tracking", "carrier", "label_url", "planned_delivery")}


async def record_label(shipment: Shipment, result: dict[str, Any], tx: Transaction) -> None:
    """The label is bought.

    What was heard of the way back before that is the RMA's to follow. The lock of the RMA comes before the shipment's, so a timer
    of the RMA follows it.
    """
    planned = result["planned_delivery"]
    shipment.bought(
        result["tracking"], result["carrier"], result["label_url"], datetime.fromisoformat(planned) if planned else None
    )
    if shipment.direction == "return" and shipment.state == "bought" and not all(n.followed for n in shipment.news):
        tx.set_timer(await Rma.get(shipment.rma_id, tx), f"{CARRIER_NEWS}:{shipment.id}", tx.now)


async def record_refused_label(shipment: Shipment, reason: str, _tx: Transaction) -> None:
    """The carrier will not take it."""
    shipment.refused(reason)
