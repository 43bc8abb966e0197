"""Order the carrier's labels, outbound and return, by durable jobs under references of our own."""

from collections.abc import Sequence
from typing import Any

from libs.events.values import Contact, Site
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model.depot import Depot, Lane
from services.rma.model.network import Network
from services.rma.model.part import Part, part_numbered
from services.rma.model.rma import Rma
from services.rma.model.shipment import BUY_LABEL, Direction, Shipment, shipments_of


async def order_labels(rma: Rma, depot: Depot, lane: Lane, tx: Transaction) -> None:
    """One outbound label, and one for the way back where something is to come back; both are paid by us."""
    await _order(rma, depot, lane, ("outbound", "return") if rma.return_required else ("outbound",), tx)


async def order_return_label(rma: Rma, tx: Transaction) -> None:
    """A label for the way back where there was none, or where the first was used."""
    network = await Network.load(tx, plan=rma.plan)
    if rma.depot_id and (lane := network.lane(rma.depot_id, rma.destination)):
        await _order(rma, network.depots[rma.depot_id], lane, ("return",), tx)


async def order_labels_again(rma: Rma, depot: Depot, lane: Lane, tx: Transaction) -> None:
    """The address changed: what was bought for the old one is worthless."""
    await give_up_labels(rma, tx)
    await order_labels(rma, depot, lane, tx)


async def give_up_labels(rma: Rma, tx: Transaction) -> None:
    """Nothing leaves with the labels that were ordered."""
    for shipment in await shipments_of(rma.id, tx, lock=True):
        shipment.give_up()


async def _order(rma: Rma, depot: Depot, lane: Lane, directions: Sequence[Direction], tx: Transaction) -> None:
    part = await part_numbered(rma.sent_part, tx)
    rma.label_round += 1
    for direction in directions:
        reference = f"{rma.number}-{'OUT' if direction == 'outbound' else 'RET'}-{rma.label_round}"
        shipment = Shipment(
            id=derived(rma.id, reference),
            account_id=rma.account_id,
            rma_id=rma.id,
            direction=direction,
            reference=reference,
            service=lane.service,
            papers=_papers(depot, rma.destination, part),
            news=[],
            created_at=tx.now,
        )
        booking = _booking(rma, shipment, depot, part)
        tx.start_job(tx.add(shipment), BUY_LABEL, booking, destination="carrier", reference=reference)


def _booking(rma: Rma, shipment: Shipment, depot: Depot, part: Part | None) -> dict[str, Any]:
    """What the carrier is asked for."""
    here, there = _depot_address(depot), _site_address(rma.destination, rma.contact)
    out = shipment.direction == "outbound"
    return {
        "reference": shipment.reference,
        "service": shipment.service,
        "from": here if out else there,
        "to": there if out else here,
        "parcels": [{"description": part.name if part else rma.sent_part, "lithium": bool(part and part.hazardous)}],
        "direction": shipment.direction,
        "promised_by": rma.promise.promised_by.isoformat() if out and rma.promise else None,
    }


def _papers(depot: Depot, site: Site, part: Part | None) -> list[str]:
    customs = ["commercial_invoice", "customs_declaration"] if depot.country != site.country else []
    return customs + (["lithium_battery_declaration"] if part and part.hazardous else [])


def _depot_address(depot: Depot) -> dict[str, Any]:
    return {
        "name": depot.name,
        "lines": depot.address_lines,
        "city": depot.city,
        "postal_code": depot.postal_code or "",
        "country": depot.country,
        "phone": depot.phone,
    }


def _site_address(site: Site, contact: Contact | None) -> dict[str, Any]:
    return {
        "name": f"{contact.name}, {site.name}"[:200] if contact else site.name,
        "lines": site.address_lines,
        "city": site.city,
        "postal_code": site.postal_code or "",
        "country": site.country,
        "phone": contact.phone if contact else None,
        "time_zone": site.time_zone,
    }
