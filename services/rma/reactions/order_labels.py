"""Order the carrier's labels, outbound and return, by durable jobs under references of our own, once it is known who they are for."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from libs.bus.replicas import Awaited, have_come
from libs.events.values import Site
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model.depot import Depot, Lane
from services.rma.model.network import Network
from services.rma.model.part import Part, part_numbered
from services.rma.model.people import KnownContact, KnownSite
from services.rma.model.rma import ADDRESS_CAME, Rma
from services.rma.model.shipment import BUY_LABEL, Direction, Shipment, shipments_of


async def order_labels(rma: Rma, depot: Depot, lane: Lane, tx: Transaction) -> None:
    """One outbound label, and one for the way back where something is to come back; both are paid by us."""
    await _order(rma, depot, lane, ("outbound", "return") if rma.return_required else ("outbound",), tx)


async def order_return_label(rma: Rma, tx: Transaction) -> None:
    """A label for the way back where there was none, or where the first was used."""
    network = await Network.load_for(rma, tx)
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
    shipments = []
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
        shipments.append(tx.add(shipment))
    await _call_the_carrier(rma, shipments, tx)


async def _call_the_carrier(rma: Rma, shipments: Sequence[Shipment], tx: Transaction) -> None:
    """Now, or when the address has come that the case's coverage names."""
    is_known = await have_come(_addressee(rma), tx)
    for shipment in shipments if is_known else ():
        shipment.order()
        tx.start_job(shipment, BUY_LABEL, destination="carrier", reference=shipment.reference)
    if rma.state == "reserved":
        rma.waiting_for = None if is_known else "address"


def _addressee(rma: Rma) -> list[Awaited]:
    site, contact = rma.destination, rma.contact
    of_contact = [Awaited(KnownContact, contact.contact_id, contact.revision)] if contact else []
    return [Awaited(KnownSite, site.site_id, site.revision), *of_contact]


async def note_addresses(ids: Sequence[UUID], tx: Transaction) -> None:
    """Contacts or sites are known now, or forgotten: each RMA that waits for one goes on by a timer of its own."""
    named = (Rma.c.ship_to["site_id"], Rma.c.contact["contact_id"])
    waiting = sa.select(Shipment.c.rma_id).where(Shipment.c.state == "awaits_address")
    about = sa.or_(*(sa.cast(field.astext, sa.Uuid()).in_(ids) for field in named))
    for rma in await tx.select(Rma, Rma.c.id.in_(waiting), about):
        tx.set_timer(rma, ADDRESS_CAME, tx.now)


async def call_the_carrier(rma: Rma, tx: Transaction, _detail: str) -> None:
    """The address has come, unless another one is waited for by now."""
    waiting = [each for each in await shipments_of(rma.id, tx, lock=True) if each.state == "awaits_address"]
    await _call_the_carrier(rma, waiting, tx)


async def booking(shipment: Shipment, tx: Transaction) -> dict[str, Any]:
    """What the carrier is asked for. No other place of ours than the replicas holds who lives where."""
    rma = await Rma.get(shipment.rma_id, tx)
    site, contact = rma.destination, rma.contact
    part, depot = await part_numbered(rma.sent_part, tx), await Depot.get(rma.kept.depot_id, tx)
    known_site = await KnownSite.get(site.site_id, tx)
    known_contact = await KnownContact.find(contact.contact_id, tx) if contact else None
    here, there = _depot_address(depot), _site_address(site, known_site, known_contact)
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


def _site_address(site: Site, known: KnownSite, contact: KnownContact | None) -> dict[str, Any]:
    """To the company and the site alone when nobody is to be named any more."""
    names = [contact.name if contact else None, known.name]
    return {
        "name": ", ".join(filter(None, names))[:200],
        "lines": known.address_lines or [],
        "city": site.city,
        "postal_code": known.postal_code or "",
        "country": site.country,
        "phone": contact.phone if contact else None,
        "time_zone": site.time_zone,
    }
