"""A carrier's label: who to whom, the barcode of the tracking number, and the lithium mark where one is due."""

import unicodedata

from barcode import Code128  # type: ignore[import-untyped]
from fpdf import FPDF

from deploy.simulators.shipments import Address, Shipment

_WIDTH, _HEIGHT, _MARGIN = 100.0, 150.0, 6.0  # millimetres: the usual thermal label
_BARCODE_HEIGHT = 30.0


def modules(text: str) -> str:
    """The Code 128 barcode of `text` as modules, 1 for a bar."""
    built: list[str] = Code128(text).build()
    return built[0]


def label_pdf(shipment: Shipment) -> bytes:
    """One page, ready to print."""
    pdf = FPDF(unit="mm", format=(_WIDTH, _HEIGHT))
    pdf.set_title(f"Label {shipment.tracking}")
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    _line(pdf, "SIMULATED EXPRESS", size=14, style="B")
    _line(pdf, f"{shipment.direction.upper()}  {shipment.service}  PREPAID", size=9)
    _address(pdf, "FROM", shipment.sender, size=8)
    _address(pdf, "TO", shipment.recipient, size=11)
    _line(pdf, f"Reference {shipment.reference}   Parcels {len(shipment.parcels)}", size=8)
    if any(parcel.lithium for parcel in shipment.parcels):
        _line(pdf, "LITHIUM ION BATTERIES - UN3481 - FORBIDDEN IF DAMAGED", size=9, style="B")
    _barcode(pdf, shipment.tracking)
    return bytes(pdf.output())


def _line(pdf: FPDF, text: str, *, size: float, style: str = "") -> None:
    pdf.set_font("Helvetica", style, size)
    pdf.multi_cell(0, size * 0.5, _printable(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _address(pdf: FPDF, caption: str, address: Address, *, size: float) -> None:
    pdf.ln(2)
    _line(pdf, caption, size=7)
    place = f"{address.postal_code} {address.city} {address.country}".strip()
    for line in (address.name, *address.lines, place, address.phone or ""):
        if line:
            _line(pdf, line, size=size, style="B" if line is address.name else "")
    pdf.ln(2)


def _barcode(pdf: FPDF, tracking: str) -> None:
    bars = modules(tracking)
    module = (_WIDTH - 2 * _MARGIN) / (len(bars) + 20)  # ten modules of quiet zone on either side
    top = _HEIGHT - _MARGIN - _BARCODE_HEIGHT - 6
    for place, bar in enumerate(bars):
        if bar == "1":
            pdf.rect(_MARGIN + (10 + place) * module, top, module, _BARCODE_HEIGHT, style="F")
    pdf.set_xy(_MARGIN, top + _BARCODE_HEIGHT + 1)
    pdf.set_font("Courier", "B", 12)
    pdf.cell(0, 5, tracking, align="C")


def _printable(text: str) -> str:
    """A label printer knows no diacritics: the text without them."""
    plain = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    return plain.encode("ascii", "ignore").decode()
