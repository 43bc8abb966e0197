"""Buy the carrier's labels, outbound and return, by durable jobs under references of our own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx

from libs.bus import GiveUp, JobRun
from libs.events.values import Contact, Site
from libs.kit.fields import cleaned
from libs.kit.settings import setting
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model.depot import Depot, Lane
from services.rma.model.network import Network
from services.rma.model.part import part_numbered
from services.rma.model.rma import Rma
from services.rma.model.shipment import Direction, Shipment


class CarrierUnknown(RuntimeError):
    """The process was not told where the carrier is."""


async def order_labels(rma: Rma, depot: Depot, lane: Lane, tx: Transaction) -> None:
    """One outbound label, and one for the way back where something is to come back; both are paid by us."""
    await _order(rma, depot, lane, ("outbound", "return") if rma.return_required else ("outbound",), tx)


async def order_return_label(rma: Rma, tx: Transaction) -> None:
    """Another one for the way back: the first was used, or there was none."""
    network = await Network.load(tx, plan=rma.plan)
    if rma.depot_id and (lane := network.lane(rma.depot_id, rma.destination)):
        await _order(rma, network.depots[rma.depot_id], lane, ("return",), tx)


async def _order(rma: Rma, depot: Depot, lane: Lane, directions: Sequence[Direction], tx: Transaction) -> None:
    part = await part_numbered(rma.sent_part, tx)
    hazardous = bool(part and part.hazardous)
    papers = _papers(depot, rma.destination, hazardous=hazardous)
    here, there = _depot_address(depot), _site_address(rma.destination, rma.contact)
    parcel = {"description": part.name if part else rma.sent_part, "lithium": hazardous}
    rma.label_round += 1
    for direction in directions:
        reference = f"{rma.number}-{'OUT' if direction == 'outbound' else 'RET'}-{rma.label_round}"
        shipment = tx.add(
            Shipment(
                id=derived(rma.id, reference),
                account_id=rma.account_id,
                rma_id=rma.id,
                direction=direction,
                reference=reference,
                state="ordered",
                carrier=None,
                service=lane.service,
                tracking=None,
                label_url=None,
                planned_delivery=None,
                papers=papers,
                problem=None,
                news=[],
                created_at=tx.now,
            )
        )
        out = direction == "outbound"
        body = {
            "reference": reference,
            "service": lane.service,
            "from": here if out else there,
            "to": there if out else here,
            "parcels": [parcel],
            "direction": direction,
            "promised_by": rma.promise.promised_by.isoformat() if out and rma.promise else None,
        }
        tx.start_job(shipment, "buy_label", body, destination="carrier", reference=reference)


async def order_labels_again(rma: Rma, depot: Depot, lane: Lane, tx: Transaction) -> None:
    """The address changed: what was bought for the old one is worthless."""
    await give_up_labels(rma, tx)
    await order_labels(rma, depot, lane, tx)


async def give_up_labels(rma: Rma, tx: Transaction) -> None:
    """Nothing leaves with the labels that were ordered."""
    for shipment in await shipments_of(rma, tx, lock=True):
        shipment.give_up()


async def shipments_of(rma: Rma, tx: Transaction, *, lock: bool = False) -> list[Shipment]:
    """Its parcels, the oldest first."""
    await tx.flush()
    return await tx.select(
        Shipment, Shipment.c.rma_id == rma.id, order_by=(Shipment.c.created_at, Shipment.c.reference), lock=lock
    )


class NotOurShipment(Exception):
    """A shipment that does not carry our reference is somebody else's."""


async def label_for(rma: Rma, direction: Direction, tx: Transaction) -> Shipment | None:
    """The newest label of this direction that was not given up."""
    standing = [
        each for each in await shipments_of(rma, tx, lock=True) if each.direction == direction and each.state != "void"
    ]
    return standing[-1] if standing else None


async def buy_label(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    """The carrier's shipment under our reference: an earlier attempt's where there may have been one. It has to carry it."""
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
    """What was heard of the way back before its label was recorded is the RMA's to follow, whose lock comes before this one."""
    planned = result["planned_delivery"]
    shipment.bought(
        result["tracking"], result["carrier"], result["label_url"], datetime.fromisoformat(planned) if planned else None
    )
    if shipment.direction == "return" and shipment.state == "bought" and not all(n.followed for n in shipment.news):
        tx.set_timer(await Rma.get(shipment.rma_id, tx), f"carrier_news:{shipment.id}", tx.now)


async def record_refusal(shipment: Shipment, reason: str, _tx: Transaction) -> None:
    shipment.refused(reason)


def _papers(depot: Depot, site: Site, *, hazardous: bool) -> list[str]:
    customs = ["commercial_invoice", "customs_declaration"] if depot.country != site.country else []
    return customs + (["lithium_battery_declaration"] if hazardous else [])


def _depot_address(depot: Depot) -> dict[str, Any]:
    return {
        "name": depot.name, "lines": depot.address_lines, "city": depot.city, "postal_code": depot.postal_code or "",
        "country": depot.country, "phone": depot.phone,
    }  # fmt: skip


def _site_address(site: Site, contact: Contact | None) -> dict[str, Any]:
    return {
        "name": f"{contact.name}, {site.name}"[:200] if contact else site.name, "lines": site.address_lines, "city": site.city,
        "postal_code": site.postal_code or "", "country": site.country, "phone": contact.phone if contact else None,
        "time_zone": site.time_zone,
    }  # fmt: skip
