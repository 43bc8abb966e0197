"""The papers of an RMA's parcels, made when they are asked for and kept nowhere."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Response

from libs.events.values import Language
from libs.kit.auth import RMA_READERS, Principal
from libs.kit.files import disposition
from libs.kit.http import Caller, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.depot import Depot
from services.rma.model.paper import Parcel, Party, label_pdf, packing_slip_pdf
from services.rma.model.part import part_numbered
from services.rma.model.people import KnownContact, KnownSite
from services.rma.model.rma import Rma
from services.rma.model.shipment import Direction, NoLabelYet, Shipment, shipments_of
from services.rma.queries.rmas import rma_for

router = Router(tags=["rmas"])
_PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}
Asked = Annotated[Language | None, Query(description="of the paper; the contact's, unless said")]


@router.get(
    "/v1/rmas/{rma_id}/label.pdf",
    dependencies=[allow(*RMA_READERS)],
    response_class=Response,
    responses=_PDF,
)
async def get_label_pdf_route(
    rma_id: UUID,
    tx: Tx,
    caller: Caller,
    direction: Annotated[Literal["outbound", "return"], Query()] = "outbound",
    language: Asked = None,
) -> Response:
    """The label of the parcel, or of the way back, with the tracking number as a barcode; once the carrier has given one."""
    parcel = await _parcel(rma_id, direction, language, caller, tx)
    return _shown(label_pdf(parcel), f"{parcel.reference}.pdf")


@router.get(
    "/v1/rmas/{rma_id}/packing-slip.pdf",
    dependencies=[allow(*RMA_READERS)],
    response_class=Response,
    responses=_PDF,
)
async def get_packing_slip_pdf_route(rma_id: UUID, tx: Tx, caller: Caller, language: Asked = None) -> Response:
    """What lies in the parcel: the part, its serial, the papers that go with it, and what is to come back."""
    parcel = await _parcel(rma_id, "outbound", language, caller, tx)
    return _shown(packing_slip_pdf(parcel), f"{parcel.rma_number}-slip.pdf")


def _shown(pdf: bytes, name: str) -> Response:
    return Response(pdf, media_type="application/pdf", headers=disposition(name, shown=True))


async def _parcel(
    rma_id: UUID, direction: Direction, language: Language | None, caller: Principal, tx: Transaction
) -> Parcel:
    """Raises NotFound, NoLabelYet."""
    rma = (await rma_for(caller, rma_id, tx)).rma
    mine = [each for each in await shipments_of(rma.id, tx) if each.direction == direction and each.state != "void"]
    label = mine[-1] if mine else None
    carrier, tracking = (label.carrier, label.tracking) if label else (None, None)
    if direction == "outbound" and rma.tracking:
        carrier, tracking = rma.carrier, rma.tracking
    if carrier is None or tracking is None or rma.depot_id is None:
        raise NoLabelYet("The carrier has given no label for it yet.", state=rma.state, possible=["wait"])
    here, there = await _depot(rma.depot_id, tx), await _site(rma, tx)
    part, out = await part_numbered(rma.sent_part, tx), direction == "outbound"
    return Parcel(
        language=language or (rma.contact.language if rma.contact and rma.contact.language else "en"),
        direction=direction,
        rma_number=rma.number,
        case_number=rma.case_number,
        sender=here if out else there,
        recipient=there if out else here,
        carrier=carrier,
        service=label.service if label else "",
        tracking=tracking,
        reference=label.reference if label else rma.number,
        part_number=rma.sent_part,
        part_name=part.name if part else rma.component,
        serial=rma.shipped_serial if out else rma.return_serial,
        promised=rma.promise.promised.isoformat() if out and rma.promise else None,
        lithium=bool(part and part.hazardous),
        papers=_papers(label),
        to_return=rma.return_required,
    )


def _papers(label: Shipment | None) -> list[str]:
    return label.papers if label else []


async def _depot(depot_id: UUID, tx: Transaction) -> Party:
    depot = await Depot.get(depot_id, tx)
    place = " ".join(filter(None, (depot.postal_code, depot.city, depot.country)))
    return Party([*filter(None, (depot.name, *depot.address_lines, place, depot.phone))])


async def _site(rma: Rma, tx: Transaction) -> Party:
    """To the company's site alone when nobody is to be named any more."""
    site, known = rma.destination, await KnownSite.find(rma.destination.site_id, tx)
    contact = await KnownContact.find(rma.contact.contact_id, tx) if rma.contact else None
    names = [known.name if known else None, contact.name if contact else None]
    place = " ".join(filter(None, (known.postal_code if known else None, site.city, site.country)))
    lines = (known.address_lines or []) if known else []
    return Party([*filter(None, (*names, *lines, place, contact.phone if contact else None))])
